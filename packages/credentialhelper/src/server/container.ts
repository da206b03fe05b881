import type { Answer } from './answer.ts';
import { jsonAnswer } from './answer.ts';
import { answerWithCredentials, type Contract, type Refuse, type Served } from './contract.ts';
import { headerOf } from './headers.ts';
import { tokenCheck } from './token.ts';

/** Credentials at a path. */
export interface ContainerEntry {
  /** The path in `AWS_CONTAINER_CREDENTIALS_FULL_URI`. */
  readonly path: string;
  /** The value of the `Authorization` header. */
  readonly token: string;
  readonly served: Served;
}

/**
 * The contract of the container credential provider, as in Amazon ECS (AWS SDKs and Tools Reference Guide, "Container
 * credential provider"): one GET with a token in the `Authorization` header.
 */
export function containerContract(entries: readonly ContainerEntry[]): Contract {
  const routes = new Map(
    entries.map(({ path, token, served }) => [
      path,
      { isAuthorized: tokenCheck(token), answer: credentialsOf(served) },
    ]),
  );
  return {
    name: 'container',
    refuse,
    answer(request) {
      const { method, url = '' } = request;
      const route = routes.get(url) ?? routes.get(decoded(url));
      if (route === undefined) return refuse(404, 'NotFound', 'there are no credentials here');
      if (!route.isAuthorized(headerOf(request, 'authorization'))) {
        return refuse(401, 'Unauthorized', 'the Authorization header is not the token');
      }
      if (method !== 'GET') return refuse(405, 'MethodNotAllowed', 'only GET is answered');
      return route.answer();
    },
  };
}

const refuse: Refuse = (status, code, message) => jsonAnswer(status, { code, message });

function credentialsOf(served: Served): () => Answer {
  return answerWithCredentials(
    served,
    ({ accessKeyId, secretAccessKey, sessionToken, expiration }) =>
      jsonAnswer(200, {
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretAccessKey,
        Token: sessionToken,
        Expiration: expiration.toISOString(),
      }),
    refuse,
  );
}

/** Names of things may have colons, which some clients encode. */
function decoded(url: string): string {
  try {
    return decodeURIComponent(url);
  } catch {
    return '';
  }
}
