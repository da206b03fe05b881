import { describe, expect, it } from 'vitest';
import { isServicePrincipal } from '../../src/policy/service-principals.ts';

describe('a service principal', () => {
  it.each([
    ['credentials.iot.amazonaws.com', 'amazonaws.com.cn', true],
    ['ec2.amazonaws.com.cn', 'amazonaws.com.cn', true],
    ['states.cn-north-1.amazonaws.com.cn', 'amazonaws.com.cn', true],
    ['ec2.amazonaws.com.cn', 'amazonaws.com', false],
    ['ec2.amazonaws.cn', 'amazonaws.com.cn', false],
    ['ec2.c2s.ic.gov', 'c2s.ic.gov', true],
    ['states.us-iso-east-1.amazonaws.com', 'c2s.ic.gov', true],
    ['states.eusc-de-east-1.amazonaws.eu', 'amazonaws.eu', true],
    ['s3.ap-southeast-2.amazonaws.com', 'amazonaws.com', true],
    ['s3.ap-southeast.amazonaws.com', 'amazonaws.com', false],
    ['s3.eu-west-1.states.amazonaws.com', 'amazonaws.com', false],
    ['states.states.amazonaws.com', 'amazonaws.com', false],
    ['.amazonaws.com', 'amazonaws.com', false],
    // A service whose roles are for several parts of it, each with its own name.
    ['build.apprunner.amazonaws.com', 'amazonaws.com', true],
    ['tasks.apprunner.amazonaws.com', 'amazonaws.com', true],
    ['monitoring.amazonaws.com', 'amazonaws.com', true],
  ])('%s, where the DNS suffix is %s: %s', (name, dnsSuffix, expected) => {
    expect(isServicePrincipal(name, dnsSuffix)).toBe(expected);
  });
});
