import type { StepName, StepPolicy } from './steps.ts';

/** The reason to deny credentials: AWS's response, and what only the emulator reveals. */
export class Refusal extends Error {
  /** The step of the decision that does not hold. */
  readonly step: StepName;
  readonly status: number;
  /** The value of `x-amzn-ErrorType`. */
  readonly errorType: string;
  /** The detailed reason, which AWS does not reveal. */
  readonly reason: string;
  /** Returns the AWS CLI commands after which the step holds; none if the request itself is wrong. */
  readonly commands: () => readonly string[];
  /** The policy that denies the request. */
  readonly policy: StepPolicy | undefined;

  constructor(
    kind: keyof typeof REFUSALS,
    reason: string,
    commands: () => readonly string[] = () => [],
    policy?: StepPolicy,
  ) {
    const [step, status, errorType, message] = REFUSALS[kind];
    super(message);
    this.step = step;
    this.status = status;
    this.errorType = errorType;
    this.reason = reason;
    this.commands = commands;
    this.policy = policy;
  }
}

const REFUSALS = {
  host: ['endpoint', 421, 'InvalidRequestException', 'Misdirected Request'],
  method: ['endpoint', 405, 'MethodNotAllowedException', 'Method Not Allowed'],
  path: ['endpoint', 404, 'ResourceNotFoundException', 'Not Found'],
  certificate: [
    'certificate',
    403,
    'AccessDeniedException',
    'Certificate is invalid on this endpoint',
  ],
  thing: ['thing', 403, 'AccessDeniedException', 'Invalid thing name passed'],
  policy: ['policy', 403, 'AccessDeniedException', 'Access Denied'],
  alias: ['role alias', 404, 'ResourceNotFoundException', 'Role alias does not exist'],
  role: [
    'role',
    400,
    'InvalidRequestException',
    'Unable to assume the role, or the role to assume does not exist',
  ],
  duration: [
    'duration',
    400,
    'InvalidRequestException',
    'The requested CredentialDurationSeconds exceeds the MaxSessionDuration set for the role',
  ],
} as const;
