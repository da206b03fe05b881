// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like templates
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conditionDefect, conditionHolds } from '../../src/policy/condition.ts';
import { matchesPattern } from '../../src/policy/pattern.ts';
import { evaluatePolicies, trusts } from '../../src/policy/policy.ts';

const action = 'iot:AssumeRoleWithCertificate';
const resource = 'arn:aws:iot:eu-west-1:111122223333:rolealias/red-alias';
const variables = {
  'iot:Connection.Thing.ThingName': 'red',
  'iot:Connection.Thing.IsAttached': 'true',
};
const decide = (...statements: object[]) =>
  evaluatePolicies([JSON.stringify({ Version: '2012-10-17', Statement: statements })], {
    action,
    resource,
    variables,
  });

describe('a policy', () => {
  it.each([
    [{ Effect: 'Allow', Action: action, Resource: resource }, 'allow'],
    [{ Effect: 'Allow', Action: 'IOT:assumerole*', Resource: '*' }, 'allow'],
    [{ Effect: 'Allow', Action: ['iot:Connect', 'iot:?ssume*'], Resource: [resource] }, 'allow'],
    [{ Effect: 'Allow', Action: 'iot:Connect', Resource: '*' }, 'silent'],
    [{ Effect: 'Allow', NotAction: 'iot:Connect', Resource: '*' }, 'allow'],
    [{ Effect: 'Allow', NotAction: 'iot:*', Resource: '*' }, 'silent'],
    [{ Effect: 'Allow', Action: '*', NotResource: '*rolealias/blue*' }, 'allow'],
    [{ Effect: 'Allow', Action: '*', NotResource: resource }, 'silent'],
    [{ Effect: 'Allow', Action: '*', Resource: resource.toUpperCase() }, 'silent'],
    [
      { Effect: 'Allow', Action: '*', Resource: '*/${iot:Connection.Thing.ThingName}-alias' },
      'allow',
    ],
    [
      { Effect: 'Allow', Action: '*', Resource: '*${iot:Connection.Thing.ThingTypeName}*' },
      'silent',
    ],
    [
      {
        Effect: 'Allow',
        Action: '*',
        Resource: '*',
        Condition: { Bool: { 'iot:Connection.Thing.IsAttached': ['true'] } },
      },
      'allow',
    ],
    [
      {
        Effect: 'Allow',
        Action: '*',
        Resource: '*',
        Condition: { StringNotLike: { 'iot:Connection.Thing.ThingName': 'r*' } },
      },
      'silent',
    ],
    [{ Effect: 'Allow', Action: '*', Resource: '*', Condition: { Unknown: {} } }, 'silent'],
  ])('%j: %s', (statement, decision) => {
    expect(decide(statement)).toBe(decision);
  });

  it('that denies overrides all that allow', () => {
    const allow = { Effect: 'Allow', Action: '*', Resource: '*' };
    expect(decide(allow, { ...allow, Effect: 'Deny' })).toBe('deny');
    expect(decide(allow, { ...allow, Effect: 'Deny', Action: 'iot:Connect' })).toBe('allow');
  });
});

describe('a condition', () => {
  const thing = 'iot:Connection.Thing.ThingName';
  const values = {
    ...variables,
    'aws:SourceIp': '192.0.2.7',
    'aws:CurrentTime': '2026-03-01T12:00:00.000Z',
    'aws:EpochTime': '1772366400',
  };

  it.each<[Record<string, unknown>, boolean]>([
    [{}, true],
    [{ Bool: { 'iot:Connection.Thing.IsAttached': ['true'] } }, true],
    [{ Bool: { 'iot:Connection.Thing.IsAttached': true } }, true],
    [{ StringNotLike: { [thing]: 'r*' } }, false],
    [{ StringEquals: { [thing]: ['x', `\${${thing}}`] } }, true],
    [{ StringEquals: { [thing]: 're${none}d' } }, false],
    [{ StringEquals: { [thing]: 'RED' } }, false],
    [{ StringEqualsIgnoreCase: { [thing]: 'RED' } }, true],
    [{ StringEquals: { [thing]: 'red' }, StringNotEquals: { [thing]: 'red' } }, false],
    [{ StringEquals: { none: 'red' } }, false],
    [{ StringEqualsIfExists: { none: 'red' } }, true],
    [{ StringEqualsIfExists: { [thing]: 'blue' } }, false],
    [{ StringNotEquals: { none: 'red' } }, true],
    [{ 'ForAnyValue:StringLike': { [thing]: ['b*', 'r*'] } }, true],
    [{ 'ForAnyValue:StringNotLike': { none: 'r*' } }, false],
    [{ 'ForAllValues:StringLike': { none: 'r*' } }, true],
    [{ Null: { none: 'true', [thing]: 'false' } }, true],
    [{ Null: { [thing]: 'true' } }, false],
    [{ IpAddress: { 'aws:SourceIp': '192.0.2.7' } }, true],
    [{ IpAddress: { 'aws:SourceIp': ['2001:db8::/32', '192.0.2.0/24'] } }, true],
    [{ IpAddress: { 'aws:SourceIp': '198.51.100.0/24' } }, false],
    [{ IpAddress: { 'aws:SourceIp': '192.0.2.0/33' } }, false],
    [{ NotIpAddress: { 'aws:SourceIp': '198.51.100.0/24' } }, true],
    [{ DateLessThan: { 'aws:CurrentTime': '2026-03-01T12:00:01Z' } }, true],
    [{ DateGreaterThanEquals: { 'aws:CurrentTime': '2026-03-01T13:00:00+01:00' } }, true],
    [{ DateGreaterThan: { 'aws:CurrentTime': '1772366400' } }, false],
    [{ DateGreaterThan: { 'aws:CurrentTime': 'tomorrow' } }, false],
    [{ NumericLessThanEquals: { 'aws:EpochTime': 1772366400 } }, true],
    [{ NumericNotEquals: { 'aws:EpochTime': '1772366400' } }, false],
  ])('%j: %s', (Condition, expected) => {
    expect(conditionDefect(Condition)).toBeUndefined();
    expect(conditionHolds(Condition, values)).toBe(expected);
  });

  it.each<[unknown]>([
    ['text'],
    [[]],
    [null],
    [{ StringEqual: { [thing]: 'red' } }],
    [{ constructor: { [thing]: 'red' } }],
    [{ NullIfExists: { [thing]: 'true' } }],
    [{ StringEquals: 'red' }],
    [{ StringEquals: { [thing]: { red: true } } }],
    [{ StringEquals: { [thing]: [null] } }],
  ])('%j has a defect, and does not hold', (Condition) => {
    expect(conditionDefect(Condition)).toMatch(/condition/);
    expect(conditionHolds(Condition, values)).toBe(false);
  });
});

describe('a trust policy', () => {
  const SERVICE = 'credentials.iot.amazonaws.com';
  const arn = 'arn:aws:iot:eu-west-1:111122223333:rolealias/red-alias';
  const assumer = {
    kind: 'Service',
    names: [SERVICE],
    variables: { 'aws:SourceAccount': '111122223333', 'aws:SourceArn': arn },
  } as const;
  const allows = (Condition?: unknown, change: object = {}) =>
    trusts(
      JSON.stringify({
        Statement: {
          Effect: 'Allow',
          Principal: { Service: [SERVICE, 'ec2.amazonaws.com'] },
          Action: 'sts:AssumeRole',
          ...(Condition !== undefined && { Condition }),
          ...change,
        },
      }),
      assumer,
    );

  it.each<[unknown, boolean]>([
    [undefined, true],
    [{ StringEquals: { 'aws:SourceAccount': '111122223333' } }, true],
    [{ StringEquals: { 'AWS:sourceaccount': ['1', '111122223333'] } }, true],
    [{ StringEquals: { 'aws:SourceAccount': '999999999999' } }, false],
    [{ ArnLike: { 'aws:SourceArn': 'arn:aws:iot:eu-west-1:111122223333:*' } }, true],
    [{ ArnEquals: { 'aws:SourceArn': 'arn:aws:iot:*:*:rolealias/red-*' } }, true],
    [{ ArnLike: { 'aws:SourceArn': 'arn:aws:iot:us-east-1:111122223333:*' } }, false],
    // A wildcard does not match across components of the ARN.
    [{ ArnLike: { 'aws:SourceArn': 'arn:aws:*:rolealias/red-alias' } }, false],
    [{ StringLike: { 'aws:SourceArn': 'arn:aws:*:rolealias/red-alias' } }, true],
    [{ ArnNotLike: { 'aws:SourceArn': 'arn:aws:iot:eu-*:*:*' } }, false],
    [{ StringEquals: { 'sts:ExternalId': 'secret' } }, false],
  ])('with the condition %j: %s', (condition, expected) => {
    expect(allows(condition)).toBe(expected);
  });

  it('is for the principals and the action that it names', () => {
    expect(allows(undefined, { Principal: { Service: 'ec2.amazonaws.com' } })).toBe(false);
    expect(allows(undefined, { Principal: { AWS: SERVICE } })).toBe(false);
    expect(allows(undefined, { Action: 'sts:TagSession' })).toBe(false);
  });

  // Earlier versions took such documents, and a folder can have them.
  it('can deny all but the principals that it names', () => {
    const trust = (...services: string[]) => {
      const Allow = { Effect: 'Allow', Principal: '*', Action: 'sts:AssumeRole' };
      const Deny = { Effect: 'Deny', NotPrincipal: { Service: services }, Action: 'sts:*' };
      return trusts(JSON.stringify({ Statement: [Allow, Deny] }), assumer);
    };
    expect(trust(SERVICE)).toBe(true);
    expect(trust('ec2.amazonaws.com')).toBe(false);
  });
});

describe('a pattern', () => {
  it('accepts the value of a variable literally', () => {
    expect(matchesPattern('${a}', 'anything', { a: '*' })).toBe(false);
    expect(matchesPattern('${a}x', '*x', { a: '*' })).toBe(true);
    expect(matchesPattern('${*}', '*')).toBe(true);
    expect(matchesPattern('${toString}', '')).toBe(false);
  });

  it('is equivalent to its regular expression', () => {
    const part = fc.constantFrom('*', '?', 'a', 'b', '.', '\n');
    const pattern = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(pattern, pattern, (one, value) => {
        const source = one.replaceAll('.', '[.]').replaceAll('*', '[^]*').replaceAll('?', '[^]');
        const regex = new RegExp(`^${source}$`);
        expect(matchesPattern(one, value)).toBe(regex.test(value));
      }),
    );
  });

  it.each([
    ['many wildcards', 8, fc.constantFrom('*', '*', '?', 'a', 'b')],
    ['long runs', 2, fc.constantFrom('*', '?'.repeat(31), 'a'.repeat(29), 'ab'.repeat(150), 'b')],
  ])('with %s is equivalent to a table of all prefixes', (_name, unit, part) => {
    const parts = fc.array(part, { maxLength: 12 * unit });
    const isMatch = (one: string[], values: string[]) => {
      const value = values.join('').replace(/[*?]/g, 'a');
      const pattern = one.join('');
      expect(matchesPattern(pattern, value)).toBe(matchesByTable(pattern, value));
      // Parts of the pattern: also values that match.
      const filled = pattern.replaceAll('*', value.slice(0, 40)).replaceAll('?', 'b');
      expect(matchesPattern(pattern, filled)).toBe(true);
    };
    fc.assert(fc.property(parts, parts, isMatch), { numRuns: 50 });
  });

  // Each would take minutes if the work grew with the product of the lengths.
  it.each([
    ['stars', '*a'.repeat(100_000), 'a'.repeat(200_000)],
    ['a repeated piece', `*${'ab'.repeat(100)}c*`, 'ab'.repeat(2_000_000)],
    ['stars and question marks', '*a?a'.repeat(50_000), 'a'.repeat(300_000)],
    ['one long run', `*${'a?'.repeat(100)}b*`, 'a'.repeat(2_000_000)],
    ['a long text that is nearly there', `*b${'a'.repeat(1000)}*`, 'a'.repeat(2_000_000)],
  ])('with %s takes time that grows with the length', (_name, pattern, value) => {
    expect(matchesPattern(`${pattern}b`, value)).toBe(false);
  });
});

/** Whether a value matches: for each prefix of the pattern, the prefixes of the value that it matches. */
function matchesByTable(pattern: string, value: string): boolean {
  let row = Array.from({ length: value.length + 1 }, (_, length) => length === 0);
  for (const token of pattern) {
    const before = row;
    row = [];
    for (let length = 0; length <= value.length; length++) {
      const isOne = length > 0 && (token === '?' || token === value[length - 1]);
      row.push(
        token === '*'
          ? Boolean(before[length] || row[length - 1])
          : isOne && Boolean(before[length - 1]),
      );
    }
  }
  return row[value.length] ?? false;
}
