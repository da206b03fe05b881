import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', '{bench,examples,scripts}/**/*.test.ts'],
    globalSetup: 'scripts/vitest-setup.ts',
    // Real tokens, TLS handshakes and child processes: slow machines need room, and a hang must still end.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // The SDK's advice on Node versions is for those who run it.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    // PKCS#11 modules read their settings from the environment of the process, which threads do not have.
    pool: 'forks',
    // Most tests wait for processes of their own.
    maxWorkers: 2,
    coverage: { provider: 'v8', include: ['packages/*/src/**'] },
  },
});
