import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', '{bench,examples,scripts}/**/*.test.ts'],
    globalSetup: 'scripts/vitest-setup.ts',
    // Real tokens, TLS handshakes and child processes: slow machines need time, but a hang must end.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // The SDK's warning about Node.js versions would clutter the output.
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    // PKCS#11 modules read their settings from the environment of the process, which threads cannot set.
    pool: 'forks',
    // Many tests wait for child processes: on two cores, two more workers use the time.
    maxWorkers: 4,
    coverage: { provider: 'v8', include: ['packages/*/src/**'] },
  },
});
