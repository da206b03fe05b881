import { randomUUID } from 'node:crypto';
import { type CredentialRequest, decide, Refusal } from './credential-decision.ts';
import type { Response } from './http.ts';
import { issueCredentials } from './sealed-credentials.ts';
import type { State } from './state.ts';

/** What the credential provider answers, and what only the emulator tells. */
export interface CredentialAnswer {
  readonly response: Response;
  /** Why there are no credentials. */
  readonly reason?: string;
}

/**
 * Answers a request to the credential provider.
 *
 * @param lifetimeMs - how long credentials live, instead of what the role alias says
 */
export function provideCredentials(
  state: State,
  request: CredentialRequest,
  nowMs: number,
  lifetimeMs?: number,
): CredentialAnswer {
  try {
    const { certificate, role, durationSeconds } = decide(state, request, nowMs);
    const expirationMs = nowMs + (lifetimeMs ?? durationSeconds * 1000);
    const grant = {
      roleName: role.roleName,
      sessionName: certificate.certificateId,
      expirationMs,
    };
    const expiration = `${new Date(expirationMs).toISOString().slice(0, -'.000Z'.length)}Z`;
    const credentials = { ...issueCredentials(state, grant), expiration };
    return { response: respond(200, { credentials }) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { status, message, errorType, reason } = error;
    const response = respond(status, { message }, { 'x-amzn-ErrorType': errorType });
    return { response, reason };
  }
}

function respond(
  status: number,
  body: unknown,
  headers?: Readonly<Record<string, string>>,
): Response {
  return {
    status,
    headers: {
      'content-type': 'application/json',
      'x-amzn-RequestId': randomUUID(),
      ...headers,
    },
    body: JSON.stringify(body),
  };
}
