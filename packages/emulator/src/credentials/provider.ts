import { type Response, respondJson } from '../http/response.ts';
import type { State } from '../state/state.ts';
import { type CredentialRequest, decide, Refusal } from './decision.ts';
import { issueCredentials } from './sealed-credentials.ts';

/** The credential provider's response, and what only the emulator tells. */
export interface CredentialAnswer {
  readonly response: Response;
  /** Why there are no credentials. */
  readonly reason?: string;
}

/**
 * Answers a request to the credential provider.
 *
 * @param lifetimeMs - how long credentials are valid, in milliseconds, instead of what the role alias says
 */
export function provideCredentials(
  state: State,
  request: CredentialRequest,
  nowMs: number,
  lifetimeMs?: number,
): CredentialAnswer {
  try {
    const { certificate, role, durationSeconds } = decide(state, request, nowMs);
    const credentials = issueCredentials(state, {
      roleName: role.roleName,
      sessionName: certificate.certificateId,
      expirationMs: nowMs + (lifetimeMs ?? durationSeconds * 1000),
    });
    return { response: respondJson(200, { credentials }) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { status, message, errorType, reason } = error;
    return { response: respondJson(status, { message }, errorType), reason };
  }
}
