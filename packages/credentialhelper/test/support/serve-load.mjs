// Run in tests: keeps connections to an endpoint for credentials busy, and prints how often each answer came, and how long
// 99 of 100 took at most.
//   node serve-load.mjs URI TOKEN CONNECTIONS MILLISECONDS
import { Agent, request } from 'node:http';

const [, , uri, authorization, connections, ms] = process.argv;
const endMs = Date.now() + Number(ms);
const answers = {};
const count = (name) => {
  answers[name] = (answers[name] ?? 0) + 1;
};
const tookMs = [];

const ask = (agent) =>
  new Promise((resolve) => {
    const beganMs = performance.now();
    const sent = request(uri, { agent, headers: { authorization } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => {
        tookMs.push(performance.now() - beganMs);
        count(kindOf(response.statusCode, text));
        resolve();
      });
    });
    sent.on('error', ({ code }) => {
      count(code);
      resolve();
    });
    sent.end();
  });

/** An answer with credentials counts as such only if they are whole and have not expired. */
function kindOf(status, text) {
  const body = JSON.parse(text);
  if (status !== 200) return `${status} ${body.message ? 'with a reason' : 'without a reason'}`;
  const isWhole = ['AccessKeyId', 'SecretAccessKey', 'Token'].every(
    (name) => body[name]?.length > 9,
  );
  if (!isWhole) return '200 empty';
  return Date.parse(body.Expiration) > Date.now() ? '200' : '200 expired';
}

await Promise.all(
  Array.from({ length: Number(connections) }, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (Date.now() < endMs) await ask(agent);
    agent.destroy();
  }),
);
tookMs.sort((one, other) => one - other);
console.log(JSON.stringify({ answers, p99Ms: tookMs[Math.floor(tookMs.length * 0.99)] }));
