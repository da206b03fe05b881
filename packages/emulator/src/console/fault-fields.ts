/** A field of the form for faults. */
export interface FaultField {
  /** The member of the fault; one of a response with its path. */
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  /** Default `text`. */
  readonly kind?: 'number' | 'lines';
  /** The values to choose from; default: any. */
  readonly options?: readonly string[];
}

/** A group of fields. */
export interface FaultGroup {
  readonly title: string;
  readonly fields: readonly FaultField[];
}

/** All members of a fault, in groups. The emulator checks their values. */
export const FAULT_GROUPS: readonly FaultGroup[] = [
  {
    title: 'Which requests',
    fields: [
      { name: 'thingName', label: 'Thing', hint: 'Default: any' },
      { name: 'count', label: 'Count', hint: 'Maximum number of requests', kind: 'number' },
      {
        name: 'probability',
        label: 'Probability',
        hint: 'More than 0, up to 1',
        kind: 'number',
      },
      { name: 'seed', label: 'Seed', hint: 'Makes the probability repeatable', kind: 'number' },
      {
        name: 'service',
        label: 'Service',
        hint: 'Default: the credential provider',
        options: ['iot', 'iam', 'sts'],
      },
    ],
  },
  {
    title: 'Response',
    fields: [
      { name: 'delayMs', label: 'Delay', hint: 'Milliseconds', kind: 'number' },
      {
        name: 'action',
        label: 'Action',
        options: ['hang', 'reset', 'reset-in-body', 'truncate'],
      },
      {
        name: 'bytesPerSecond',
        label: 'Rate of the body',
        hint: 'Bytes per second',
        kind: 'number',
      },
      {
        name: 'requestsPerSecond',
        label: 'Rate of requests',
        hint: 'Per second; an error to those above it',
        kind: 'number',
      },
      { name: 'response.status', label: 'Status', hint: 'Instead of the response', kind: 'number' },
      { name: 'response.errorCode', label: 'Error', hint: 'Such as ThrottlingException' },
      { name: 'response.message', label: 'Message of the error' },
      { name: 'response.body', label: 'Body' },
      {
        name: 'response.headers',
        label: 'Header fields',
        hint: 'A line for each: name: value',
        kind: 'lines',
      },
    ],
  },
  {
    title: 'Connection',
    fields: [
      { name: 'connection', label: 'Connection', options: ['refuse', 'no-handshake'] },
      {
        name: 'tlsAlert',
        label: 'TLS alert',
        options: [
          'handshake_failure',
          'bad_certificate',
          'unknown_ca',
          'protocol_version',
          'internal_error',
        ],
      },
      {
        name: 'serverCertificate',
        label: 'Server certificate',
        options: ['other-name', 'untrusted', 'expired'],
      },
    ],
  },
  {
    title: 'Time',
    fields: [
      { name: 'clockOffsetMs', label: 'Clock offset', hint: 'Milliseconds', kind: 'number' },
      {
        name: 'lifetimeMs',
        label: 'Lifetime of credentials',
        hint: 'Milliseconds; negative: expired',
        kind: 'number',
      },
    ],
  },
];
