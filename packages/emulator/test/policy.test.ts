// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like templates
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesPattern } from '../src/pattern.ts';
import { evaluatePolicies, trusts } from '../src/policy.ts';

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
    [
      {
        Effect: 'Allow',
        Action: '*',
        Resource: '*',
        Condition: {
          StringEquals: {
            'iot:Connection.Thing.ThingName': ['x', '${iot:Connection.Thing.ThingName}'],
          },
          StringEqualsIgnoreCase: { 'iot:Connection.Thing.ThingName': 'RED' },
        },
      },
      'allow',
    ],
    [
      {
        Effect: 'Allow',
        Action: '*',
        Resource: '*',
        Condition: { StringEquals: { 'iot:Connection.Thing.ThingName': 're${none}d' } },
      },
      'silent',
    ],
    [{ Effect: 'Allow', Action: '*', Resource: '*', Condition: { Unknown: {} } }, 'silent'],
  ])('%j: %s', (statement, decision) => {
    expect(decide(statement)).toBe(decision);
  });

  it('that denies wins over all that allow', () => {
    const allow = { Effect: 'Allow', Action: '*', Resource: '*' };
    expect(decide(allow, { ...allow, Effect: 'Deny' })).toBe('deny');
    expect(decide(allow, { ...allow, Effect: 'Deny', Action: 'iot:Connect' })).toBe('allow');
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
    // A wildcard stays in its part of the ARN.
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
});

describe('a pattern', () => {
  it('takes the value of a variable literally', () => {
    expect(matchesPattern('${a}', 'anything', { a: '*' })).toBe(false);
    expect(matchesPattern('${a}x', '*x', { a: '*' })).toBe(true);
    expect(matchesPattern('${*}', '*')).toBe(true);
    expect(matchesPattern('${toString}', '')).toBe(false);
  });

  it('means the same as the regular expression of it', () => {
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

  it('takes no long time, however many wildcards it has', () => {
    const start = performance.now();
    expect(matchesPattern(`${'*a'.repeat(1000)}b`, 'a'.repeat(4000))).toBe(false);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
