import { defineConfig } from 'vitest/config';

const ALL = ['packages/*/test/**/*.test.ts', '{bench,examples,scripts}/**/*.test.ts'];

/** Tests that neither change nor measure what belongs to the whole process: files of a worker share what they import. */
const SHARED = [
  'packages/emulator/test/{fuzz,options}.test.ts',
  'packages/emulator/test/{account,api,credentials,faults,names,permissions,pki,policy,server}/**/*.test.ts',
  'packages/credentialhelper/test/{exchange,identity,options,pkcs11,refresh,settings,token}/*.test.ts',
];

export default defineConfig({
  test: {
    globalSetup: 'scripts/vitest-setup.ts',
    setupFiles: 'packages/credentialhelper/test/support/each-file.ts',
    // Many tests wait for child processes: on two cores, three more workers use the time.
    maxWorkers: 5,
    coverage: { provider: 'v8', include: ['packages/*/src/**'] },
    // Real tokens, TLS handshakes and child processes: slow machines need time, but a hang must end.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // The SDK's warning about Node.js versions would clutter the output.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    // PKCS#11 modules read their settings from the environment of the process, which threads cannot set.
    pool: 'forks',
    // The built packages are imported as their users do, and not transformed for each file.
    server: { deps: { external: [/\/packages\/[^/]+\/dist\//] } },
    projects: [
      { extends: true, test: { name: 'shared', isolate: false, include: SHARED } },
      { extends: true, test: { name: 'alone', include: ALL, exclude: SHARED } },
    ],
  },
});
