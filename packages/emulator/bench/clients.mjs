// Clients of an emulator in a child process: each keeps its connection, and measures the CPU time of the emulator.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Sha256 } from '@smithy/core/checksum';
import { SignatureV4 } from '@smithy/signature-v4';

const PROGRAM = fileURLToPath(new URL('emulator.mjs', import.meta.url));

/** The module of this build, or of another one: its path. */
export function moduleOf(path) {
  return path ? resolve(path) : import.meta.resolve('awsiot-credentialhelper-emulator');
}

/** Starts an emulator in a child process. */
export async function open(module, { things = 0, policies = 1 } = {}) {
  const child = fork(PROGRAM, [module, String(things), String(policies)]);
  const [aws] = await once(child, 'message');
  const agents = [https, http].map(({ Agent }) => new Agent({ keepAlive: true, maxSockets: 1 }));

  /** Requests credentials. */
  const exchange = (path = '/role-aliases/alias/credentials') => {
    const [host, port] = aws.credentialsEndpoint.split(':');
    const { certificatePem: cert, privateKeyPem: key } = aws.device;
    const headers = { 'x-amzn-iot-thingname': 'one' };
    return send(https, { host, port, path, ca: aws.ca, agent: agents[0], cert, key, headers });
  };
  /** Signs a call of an API, and returns the function that makes it. */
  const sign = async (service, method, path, { query = {}, body = '' } = {}) => {
    const { region, administrator: credentials } = aws;
    const { hostname, port, host } = new URL(aws.apiEndpoint);
    const signer = new SignatureV4({ service, region, credentials, sha256: Sha256 });
    const unsigned = { method, protocol: 'http:', hostname, path, query, body };
    const { headers } = await signer.sign({ ...unsigned, headers: { host } });
    const text = Object.entries(query).flatMap(([name, values]) =>
      [values].flat().map((value) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`),
    );
    const target = text.length > 0 ? `${path}?${text.join('&')}` : path;
    const options = { hostname, port, method, path: target, headers, agent: agents[1] };
    return () => send(http, options, body);
  };
  /** Calls an API. */
  const call = async (...args) => (await sign(...args))();
  const cpuMs = async () => {
    child.send('cpu');
    return (await once(child, 'message'))[0];
  };
  return {
    ...{ aws, exchange, sign, call },
    /** Returns the CPU time of the emulator for a request, in milliseconds: the mean of a number of them. */
    async cost(request, count) {
      const before = await cpuMs();
      for (let i = 0; i < count; i++) await request();
      return ((await cpuMs()) - before) / count;
    },
    close() {
      for (const agent of agents) agent.destroy();
      child.disconnect();
    },
  };
}

function send({ request }, options, body) {
  return new Promise((done, fail) => {
    const sent = request(options, async (response) => {
      done({ status: response.statusCode, text: (await response.toArray()).join('') });
    });
    // The emulator closes a connection that was idle.
    const again = () => done(send({ request }, options, body));
    sent.on('error', (error) => (sent.reusedSocket ? again() : fail(error))).end(body);
  });
}

/** Returns the least of several costs: what else runs on the machine only adds to them. */
export function least(costs) {
  return Math.min(...costs);
}
