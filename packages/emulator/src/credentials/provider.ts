import type { IssuedCredentials } from '../http/request-record.ts';
import { type Response, respondJson } from '../http/response.ts';
import { lookUp } from '../state/look-up.ts';
import type { Role } from '../state/records.ts';
import type { State } from '../state/state.ts';
import { decide } from './decision.ts';
import { Refusal } from './refusal.ts';
import { issueCredentials } from './sealed-credentials.ts';
import type { CredentialRequest } from './steps.ts';
import { deviceVariables } from './variables.ts';

/** The credential provider's response, and details that only the emulator reveals. */
export interface CredentialAnswer {
  readonly response: Response;
  /** The reason to deny credentials. */
  readonly reason?: string;
  /** The role of the credentials. */
  readonly role?: Role;
  readonly issued?: IssuedCredentials;
}

/**
 * Responds to a request to the credential provider.
 *
 * @param lifetimeMs - lifetime of the credentials in milliseconds, instead of that of the role alias
 */
export function provideCredentials(
  state: State,
  request: CredentialRequest,
  nowMs: number,
  lifetimeMs?: number,
): CredentialAnswer {
  try {
    const { certificate, role, durationSeconds } = decide(state, request, nowMs);
    const { roleName, roleId } = role;
    const { thingName } = request;
    const thing = thingName === undefined ? undefined : lookUp(state.things, thingName);
    const expirationMs = nowMs + (lifetimeMs ?? durationSeconds * 1000);
    const credentials = issueCredentials(state, {
      principal: {
        kind: 'role',
        roleName,
        roleId,
        sessionName: certificate.certificateId,
        variables: deviceVariables(certificate, thing, nowMs),
      },
      expirationMs,
    });
    const { accessKeyId } = credentials;
    return {
      response: respondJson(200, { credentials }),
      role,
      issued: { accessKeyId, roleName, expirationMs },
    };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { status, message, errorType, reason } = error;
    return { response: respondJson(status, { message }, errorType), reason };
  }
}
