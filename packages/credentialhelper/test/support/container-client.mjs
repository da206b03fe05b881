// Run by "exec" in tests: sends requests to the endpoint for credentials, and prints the status of each.
import { request } from 'node:http';

const { AWS_CONTAINER_CREDENTIALS_FULL_URI: uri, AWS_CONTAINER_AUTHORIZATION_TOKEN: token } =
  process.env;
const { host, port } = new URL(uri);

const send = (headers, { path = '/credentials', method = 'GET' } = {}) =>
  new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, body: JSON.parse(body) }));
    });
    sent.on('error', reject).end();
  });

const authorization = token;
const answers = {
  right: await send({ host, authorization }),
  localhost: await send({ host: `localhost:${port}`, authorization }),
  withoutToken: await send({ host }),
  wrongToken: await send({ host, authorization: `${token}x` }),
  otherHost: await send({ host: `attacker.example:${port}`, authorization }),
  browser: await send({ host, authorization, origin: 'http://attacker.example' }),
  fetched: await send({ host, authorization, 'sec-fetch-site': 'cross-site' }),
  forwarded: await send({ host, authorization, 'x-forwarded-for': '10.0.0.1' }),
  otherPath: await send({ host, authorization }, { path: '/' }),
  put: await send({ host, authorization }, { method: 'PUT' }),
};
console.log(JSON.stringify(answers));
