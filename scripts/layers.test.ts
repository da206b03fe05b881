// The layers of ARCHITECTURE.md are held by the linter: this shows that it sees what breaks them.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'awsiot-credentialhelper-layers-'));
afterAll(() => rmSync(folder, { recursive: true }));
cpSync(join(root, 'biome.json'), join(folder, 'biome.json'));
writeFileSync(join(folder, 'package.json'), '{}');

/** What the linter says of a project that has these files in the package for devices. */
function lint(files: Readonly<Record<string, string>>): string {
  const sources = join(folder, 'packages');
  rmSync(sources, { recursive: true, force: true });
  for (const [name, text] of Object.entries(files)) {
    const file = join(sources, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  const only = ['style/noRestrictedImports', 'suspicious/noImportCycles'];
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules/@biomejs/biome/bin/biome'),
      'lint',
      ...only.map((rule) => `--only=${rule}`),
      '.',
    ],
    { cwd: folder, encoding: 'utf8' },
  );
  return stdout + stderr;
}

const DEVICE = 'credentialhelper/src';
const EXPORTED = 'export const it = 1;\n';
const importOf = (path: string) => `import { it } from '${path}';\nexport const other = it;\n`;

describe('the linter refuses', () => {
  it.each([
    ['pkcs11', 'token'],
    ['pkcs11', 'identity'],
    ['pins', 'token'],
    ['token', 'tls'],
    ['identity', 'token'],
    ['process', 'token'],
    ['tls', 'isolation'],
    ['token', 'options'],
    ['options', 'tls'],
    ['isolation', 'exchange'],
    ['exchange', 'refresh'],
    ['exchange', 'cli'],
  ])('%s, which stands below, to import %s', (room, above) => {
    const said = lint({
      [`${DEVICE}/${above}/it.ts`]: EXPORTED,
      [`${DEVICE}/${room}/other.ts`]: importOf(`../${above}/it.ts`),
    });
    expect(said).toContain('lint/style/noRestrictedImports');
    expect(said).toContain(`"${room}" stands below these rooms`);
  });

  it.each(['awsiot-credentialhelper-emulator', '../../emulator/src/index.ts'])(
    'the package for devices to import %s',
    (emulator) => {
      expect(lint({ [`${DEVICE}/it.ts`]: importOf(emulator) })).toContain(
        'The device package must not import the emulator.',
      );
    },
  );

  it.each([DEVICE, 'emulator/src'])('circles in %s, of types too', (sources) => {
    const said = lint({
      [`${sources}/one.ts`]: "import type { Two } from './two.ts';\nexport type One = Two;\n",
      [`${sources}/two.ts`]: "import type { One } from './one.ts';\nexport type Two = One;\n",
    });
    expect(said).toContain('lint/suspicious/noImportCycles');
  });

  it('nothing else', () => {
    const said = lint({
      [`${DEVICE}/pkcs11/it.ts`]: EXPORTED,
      [`${DEVICE}/token/other.ts`]: importOf('../pkcs11/it.ts'),
    });
    expect(said).not.toContain('lint/');
  });
});
