// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables look like templates
import { describe, expect, it } from 'vitest';
import { contextKeysOf } from '../../src/policy/context-keys.ts';
import { evaluatePolicies } from '../../src/policy/policy.ts';

const one = (statement: object, Version?: string) =>
  JSON.stringify({ Version, Statement: { Effect: 'Allow', Action: 'a:B', ...statement } });
const isAllowed = (
  document: string,
  variables: Record<string, string | string[]>,
  resource = 'x',
) => evaluatePolicies([document], { action: 'a:B', resource, variables }) === 'allow';

describe('condition keys with several values', () => {
  it.each([
    ['ForAnyValue:StringEquals', ['a', 'b'], true],
    ['ForAnyValue:StringEquals', ['b', 'c'], false],
    ['ForAnyValue:StringEquals', [], false],
    ['ForAllValues:StringEquals', ['a', 'a'], true],
    ['ForAllValues:StringEquals', ['a', 'b'], false],
    ['ForAllValues:StringEquals', [], true],
    ['ForAnyValue:StringNotEquals', ['a', 'b'], true],
    ['ForAnyValue:StringNotEquals', ['a', 'a'], false],
    ['ForAllValues:StringNotEquals', ['b', 'c'], true],
    ['ForAllValues:StringNotEquals', ['a', 'b'], false],
    ['StringNotEquals', ['a', 'b'], false],
    ['StringNotEquals', ['b', 'c'], true],
    ['StringEqualsIfExists', [], true],
  ])('%s a, with %j: %j', (operator, tags, expected) => {
    const document = one({ Resource: '*', Condition: { [operator]: { 'aws:TagKeys': 'a' } } });
    expect(isAllowed(document, { 'aws:TagKeys': tags })).toBe(expected);
  });

  it('are no policy variables', () => {
    const document = one({ Resource: '${aws:TagKeys}' }, '2012-10-17');
    expect(isAllowed(document, { 'aws:TagKeys': 'x' })).toBe(true);
    expect(isAllowed(document, { 'aws:TagKeys': ['x'] })).toBe(false);
  });
});

describe('a document of an older version has no policy variables', () => {
  it.each([
    ['2012-10-17', 'me', true],
    ['2012-10-17', '${aws:username}', false],
    ['2008-10-17', 'me', false],
    [undefined, 'me', false],
    [undefined, '${aws:username}', true],
  ])('%s: %s', (version, value, expected) => {
    const variables = { 'aws:username': 'me', 'aws:userid': value };
    const Condition = { StringLike: { 'aws:userid': '${aws:username}' } };
    expect(isAllowed(one({ Resource: '${aws:username}' }, version), variables, value)).toBe(
      expected,
    );
    expect(isAllowed(one({ Resource: '*', Condition }, version), variables)).toBe(expected);
  });
});

describe('a policy variable with a default value', () => {
  it.each([
    ['me', 'home/me', true],
    [undefined, 'home/no, body', true],
    [undefined, 'home/me', false],
    ['me', 'home/no, body', false],
  ])('of %s: %s', (username, resource, expected) => {
    const document = one({ Resource: "home/${aws:username, 'no, body'}" }, '2012-10-17');
    const variables = username === undefined ? {} : { 'aws:username': username };
    expect(isAllowed(document, variables, resource)).toBe(expected);
    expect(contextKeysOf([document])).toEqual(['aws:username']);
  });
});

describe('the condition keys of documents', () => {
  it('are those of conditions, and policy variables, once', () => {
    const Condition = {
      StringLike: { 'aws:userid': ['a', '${aws:username}'], 'AWS:UserID': 'x' },
      Null: { 'aws:TokenIssueTime': 'true' },
    };
    const document = one(
      { NotResource: ['*', '${*}${credentials-iot:ThingName}'], Condition },
      '2012-10-17',
    );
    expect(contextKeysOf([document, document])).toEqual([
      ...['aws:userid', 'aws:TokenIssueTime', 'credentials-iot:ThingName', 'aws:username'],
    ]);
    expect(contextKeysOf([one({ Resource: '${aws:userid}' })])).toEqual([]);
  });
});
