// Run in tests: sends a request every 300 milliseconds over each of many connections to an endpoint for credentials, and
// prints how often each answer came.
//   node serve-load.mjs URI TOKEN CONNECTIONS MILLISECONDS
import { Agent, request } from 'node:http';
import { setTimeout } from 'node:timers/promises';

const [, , uri, authorization, connections, ms] = process.argv;
const endMs = Date.now() + Number(ms);
const answers = {};
const count = (name) => {
  answers[name] = (answers[name] ?? 0) + 1;
};

const ask = (agent) =>
  new Promise((resolve) => {
    const beganMs = Date.now();
    const sent = request(uri, { agent, headers: { authorization } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => {
        count(kindOf(response.statusCode, text, beganMs));
        resolve();
      });
    });
    sent.on('error', ({ code }) => {
      count(code);
      resolve();
    });
    sent.end();
  });

/** An answer with credentials counts as such only if they are whole and had not expired when they were requested. */
function kindOf(status, text, beganMs) {
  const body = JSON.parse(text);
  if (status !== 200) return `${status} ${body.message ? 'with a reason' : 'without a reason'}`;
  const isWhole = ['AccessKeyId', 'SecretAccessKey', 'Token'].every(
    (name) => body[name]?.length > 9,
  );
  if (!isWhole) return '200 empty';
  return Date.parse(body.Expiration) > beganMs ? '200' : '200 expired';
}

await Promise.all(
  Array.from({ length: Number(connections) }, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    while (Date.now() < endMs) {
      await ask(agent);
      await setTimeout(300);
    }
    agent.destroy();
  }),
);
console.log(JSON.stringify(answers));
