import { X509Certificate } from 'node:crypto';
import { EmulatorError } from '../errors.ts';
import { LOCAL_NAME } from '../names/host-names.ts';
import { certificateId } from '../pki/certificate-id.ts';
import type { State } from '../state/state.ts';
import { takeSteps } from './decision.ts';
import { Refusal } from './refusal.ts';
import type { Step, StepName, StepPolicy } from './steps.ts';

/** In AWS's order. */
const STEPS: readonly StepName[] = [
  'endpoint',
  'certificate',
  'thing',
  'policy',
  'role alias',
  'role',
  'duration',
];

/** A request for credentials that is to be explained. */
export interface ExplainInput {
  /** The header `x-amzn-iot-thingname`. Default: the request has none. */
  readonly thingName?: string | undefined;
  /** The device's certificate: its id of 64 hexadecimal digits, or PEM. */
  readonly certificate: string;
  /** The name of the role alias. */
  readonly roleAlias: string;
  /** The address of the device. Default `127.0.0.1`. */
  readonly sourceIp?: string | undefined;
}

/** A step of a decision. */
export interface ExplainedStep {
  /** Which step it is. */
  readonly name: StepName;
  /** The decision ends at the first step that fails. */
  readonly outcome: 'holds' | 'fails' | 'not reached';
  /** What was looked at, or why the step fails; empty if it was not reached. */
  readonly seen: string;
  /** AWS CLI commands after which a step that fails holds; none if no command helps. */
  readonly commands: readonly string[];
  /** The AWS IoT policy that decided, if one did. */
  readonly policy?: StepPolicy;
}

/** Why a request gets credentials, or does not. */
export interface Explanation {
  /** Whether it gets credentials. */
  readonly allowed: boolean;
  /** The HTTP status of the response. */
  readonly status: number;
  /** The message of AWS's response; empty with credentials. */
  readonly message: string;
  /** All steps, in AWS's order. */
  readonly steps: readonly ExplainedStep[];
}

/**
 * Explains the decision about a request for credentials, which is not made. Faults are not considered.
 *
 * @throws {@link EmulatorError} `InvalidRequestException` for a certificate that is neither an id nor PEM
 */
export function explain(state: State, input: ExplainInput, nowMs: number): Explanation {
  const { thingName, certificate, roleAlias, sourceIp = '127.0.0.1' } = input;
  const steps = takeSteps(
    state,
    {
      method: 'GET',
      path: `/role-aliases/${encodeURIComponent(roleAlias)}/credentials`,
      hostNames: [LOCAL_NAME],
      thingName,
      certificateId: idOf(certificate),
      sourceIp,
    },
    nowMs,
  );
  const held: Step[] = [];
  try {
    for (const step of steps) held.push(step);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { status, message, step, reason, commands, policy } = error;
    const failed = { outcome: 'fails', seen: reason, commands: commands() } as const;
    return {
      allowed: false,
      status,
      message,
      steps: explained(held, { name: step, ...failed, ...(policy && { policy }) }),
    };
  }
  return { allowed: true, status: 200, message: '', steps: explained(held) };
}

function explained(held: readonly Step[], failed?: ExplainedStep): readonly ExplainedStep[] {
  return STEPS.map((name) => {
    const step = held.find((one) => one.name === name);
    if (step !== undefined) return { ...step, outcome: 'holds', commands: [] };
    if (failed?.name === name) return failed;
    return { name, outcome: 'not reached', seen: '', commands: [] };
  });
}

function idOf(certificate: string): string {
  if (/^[0-9a-f]{64}$/.test(certificate)) return certificate;
  try {
    return certificateId(new X509Certificate(certificate).raw);
  } catch (cause) {
    const message = 'the certificate is neither an id of 64 hexadecimal digits nor PEM';
    throw new EmulatorError(message, { code: 'InvalidRequestException', cause });
  }
}
