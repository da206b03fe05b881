// Valid and invalid types, checked by the compiler in `npm run typecheck`.

import { STSClient } from '@aws-sdk/client-sts';
import type { AwsCredentialIdentityProvider } from '@smithy/types';
import { createSession, fromIotCore, type Session } from 'awsiot-credentialhelper';
import { openTlsIdentity } from 'awsiot-credentialhelper/tls';
import { expectTypeOf, it } from 'vitest';

const common = { endpoint: 'e', roleAlias: 'r', certificate: 'c.pem' };
const pkcs11 = { library: 'l.so', userPin: '1234' };

/** Read by the compiler, never called. */
function options(session: Session) {
  createSession({ ...common, privateKey: 'k.pem' });
  createSession({ ...common, privateKey: 'k.pem', passphrase: { file: 'p' } });
  createSession({ ...common, privateKey: 'k.pem', passphrase: async () => 'p' });
  createSession({ ...common, pkcs11 });
  createSession({ ...common, pkcs11: { ...pkcs11, isolate: { node: '/usr/bin/node' } } });
  createSession({ ...common, pkcs11: { uri: 'pkcs11:object=k', stateFolder: null } });
  // @ts-expect-error: no private key
  createSession(common);
  // @ts-expect-error: two private keys
  createSession({ ...common, privateKey: 'k.pem', pkcs11 });
  // @ts-expect-error: a passphrase without a key in a file
  createSession({ ...common, pkcs11, passphrase: 'p' });
  // @ts-expect-error: a passphrase without a key
  createSession({ ...common, passphrase: 'p' });
  // @ts-expect-error: options for tokens are inside "pkcs11"
  createSession({ ...common, pkcs11, isolate: false });
  // @ts-expect-error: options for tokens are inside "pkcs11"
  createSession({ ...common, privateKey: 'k.pem', stateFolder: '/s' });
  // @ts-expect-error: a PKCS#11 URI is only in "uri"
  createSession({ ...common, pkcs11: 'pkcs11:object=k' });
  // @ts-expect-error: only a PIN can be entered on a PIN pad
  createSession({ ...common, privateKey: 'k.pem', passphrase: null });
  // @ts-expect-error: the identity for TLS clients is used in this process
  void openTlsIdentity({ certificate: 'c.pem', pkcs11: { library: 'l.so', isolate: true } });
  // @ts-expect-error: no private key
  void openTlsIdentity({ certificate: 'c.pem' });

  expectTypeOf(fromIotCore).returns.toExtend<AwsCredentialIdentityProvider>();
  expectTypeOf(session.credentials).toExtend<AwsCredentialIdentityProvider>();
  new STSClient(session);
  new STSClient({ region: 'eu-west-1', credentials: fromIotCore({ ...common, pkcs11 }) });
}

it('options for one private key compile, and others do not', () => {
  expectTypeOf(options).toBeFunction();
});

it('credentials have an expiration and a session token', () => {
  type Credentials = Awaited<ReturnType<Session['credentials']>>;
  expectTypeOf<Credentials['expiration']>().toEqualTypeOf<Date>();
  expectTypeOf<Credentials['sessionToken']>().toEqualTypeOf<string>();
});
