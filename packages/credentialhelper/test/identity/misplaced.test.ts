import { describe, expect, it } from 'vitest';
import { misplacedIn } from '../../src/identity/misplaced.ts';

const ID = '0123456789abcdef'.repeat(4);

describe('misplacedIn', () => {
  it.each([
    ...['thing-key', 'My key 7', 'PIN', 'User PIN', 'pinned key', 'Opinion: one', 'spinner 2'],
    ...['PIV AUTH key', 'Private key for Digital Signature', 'PKCS11 token', 'PKCS #11: a key'],
    ...['CN=device,O=Example Corp', 'a=b', 'secret key', 'größe 4', '日本語', '%', '100%25'],
    ...['550e8400-e29b-41d4-a716-446655440000', '/dev/tpm0', 'CKA_ID 01:02:03', '12345678'],
    ...[ID, ID.toUpperCase(), `arn:aws:iot:eu-west-1:123456789012:cert/${ID}`, `${ID} CA`],
    'arn:aws:iot:eu-west-1:123456789012:thing/My-Device-Of-The-Production-Line-0007',
  ])('takes %j as a name', (name) => {
    expect(misplacedIn(name)).toBeUndefined();
  });

  it.each([
    ['pkcs11:token=t', 'is a PKCS#11 URI'],
    [' "pkcs11:', 'is a PKCS#11 URI'],
    ['data:,x', 'is a data: URL'],
    ['t;object=k', 'has an attribute of a PKCS#11 URI in it'],
    ['t%3Bobject%3Dk', 'has an attribute of a PKCS#11 URI in it'],
    ['t?pinvalue 1234', 'has a PIN attribute in it'],
    ['t,pin:1234', 'has a PIN attribute in it'],
    ['t,password=1234', 'has a PIN attribute in it'],
    ['-----BEGIN PRIVATE KEY-----', 'is a key or certificate'],
    ['MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg', 'is a key or certificate'],
    ['30:81:87:'.repeat(30), 'is a key or certificate'],
    ['{"kty":"EC"}', 'is a key or certificate'],
  ])('does not take %j', (text, problem) => {
    expect(misplacedIn(text)).toBe(problem);
  });
});
