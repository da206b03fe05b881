import type { Account } from '../account.ts';
import type { State } from '../state.ts';
import { type Check, type Member, text, uri } from './members.ts';

/** What the handlers of AWS IoT's operations work on. */
export interface IotContext {
  readonly account: Account;
  readonly state: State;
  /** `host:port` of the credential provider. */
  readonly credentialsEndpoint: string;
}

// Lengths and patterns of AWS IoT's API model.
/** A thing's name or a thing type's. */
export const thingName: Check<string> = text({ min: 1, max: 128, pattern: /^[a-zA-Z0-9:_-]+$/ });
/** A policy's name. */
export const policyName: Check<string> = text({ min: 1, max: 128, pattern: /^[\w+=,.@-]+$/ });
/** A role alias. */
export const roleAlias: Check<string> = text({ min: 1, max: 128, pattern: /^[\w=,@-]+$/ });
/** The ARN of a role. */
export const roleArn: Check<string> = text({ min: 20, max: 2048 });
/** A certificate's id. */
export const certificateId: Member<string> = uri(
  text({ min: 64, max: 64, pattern: /^(0x)?[a-fA-F0-9]+$/ }),
);
/** A certificate, as PEM. */
export const certificatePem: Check<string> = text({ min: 1, max: 65_536 });

/** An instant as restJson1 has it in a body. */
export function seconds(epochMs: number | undefined): number {
  return (epochMs ?? 0) / 1000;
}
