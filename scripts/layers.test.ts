// The linter enforces the layers of ARCHITECTURE.md: this tests that it detects violations.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'awsiot-credentialhelper-layers-'));
afterAll(() => rmSync(folder, { recursive: true }));
cpSync(join(root, 'biome.json'), join(folder, 'biome.json'));
writeFileSync(join(folder, 'package.json'), '{}');

/** The linter's messages for a project with these files in its packages. */
function lint(files: Readonly<Record<string, string>>, ...options: readonly string[]): string {
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
      ...options,
      '.',
    ],
    { cwd: folder, encoding: 'utf8' },
  );
  return stdout + stderr;
}

const DEVICE = 'credentialhelper/src';
const EMULATOR = 'emulator/src';
const EXPORTED = 'export const it = 1;\n';
/** The folders of the emulator, and its files outside of folders, from the top layer down. */
const EMULATOR_FLOORS: readonly (readonly string[])[] = [
  ['cli'],
  ['index.ts'],
  ['emulator.ts'],
  ['options.ts'],
  ['console'],
  ['server'],
  ['api'],
  ['api/iot', 'api/iam', 'api/sts'],
  ['api/signing'],
  ['api/protocol'],
  ['permissions'],
  ['credentials'],
  ['account'],
  ['state'],
  ['policy'],
  ['pki'],
  ['faults'],
  ['names'],
  ['http'],
  ['errors.ts', 'json.ts', 'memo.ts'],
];
const importOf = (path: string) => `import { it } from '${path}';\nexport const other = it;\n`;

describe('the linter rejects', () => {
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
    ['credentials', 'server'],
    ['server', 'settings'],
    ['server', 'cli'],
  ])('%s, a lower layer, to import %s', (room, above) => {
    const said = lint({
      [`${DEVICE}/${above}/it.ts`]: EXPORTED,
      [`${DEVICE}/${room}/other.ts`]: importOf(`../${above}/it.ts`),
    });
    expect(said).toContain('lint/style/noRestrictedImports');
    expect(said).toContain(`"${room}" is a layer below these folders`);
  });

  it.each(['awsiot-credentialhelper-emulator', '../../emulator/src/index.ts'])(
    'the package for devices to import %s',
    (emulator) => {
      expect(lint({ [`${DEVICE}/it.ts`]: importOf(emulator) })).toContain(
        'The device package must not import the emulator.',
      );
    },
  );

  it.each([DEVICE, EMULATOR])('circles in %s, of types too', (sources) => {
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

describe('the folders of the emulator', () => {
  const places = EMULATOR_FLOORS.flatMap((rooms, floor) => rooms.map((room) => ({ room, floor })));
  const pairs = places.flatMap((from) => places.map((to) => ({ from, to })));
  const fileIn = (room: string) => (room.endsWith('.ts') ? room : `${room}/it.ts`);

  it('are all there', () => {
    const sources = join(root, 'packages', EMULATOR);
    const foldersOf = (path: string) =>
      readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name);
    const found = [
      ...readdirSync(sources),
      ...foldersOf(join(sources, 'api')).map((name) => `api/${name}`),
    ];
    expect(places.map(({ room }) => room).sort()).toEqual(found.sort());
  });

  it('are described in ARCHITECTURE.md', () => {
    const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8').split('## The emulator')[1];
    for (const { room } of places) {
      expect(text).toContain(room.endsWith('.ts') ? `| \`${room}\`` : `\`${room}/\``);
    }
  });

  it('import only what is below them, and no service another', () => {
    const files = new Map<string, string[]>();
    for (const { from, to } of pairs) {
      const path = relative(dirname(fileIn(from.room)), fileIn(to.room));
      const lines = files.get(from.room) ?? [];
      lines.push(`import '${path.startsWith('.') ? path : `./${path}`}'; // ${to.room}`);
      files.set(from.room, lines);
    }
    const said = lint(
      Object.fromEntries(
        [...files].map(([room, lines]) => [`${EMULATOR}/${fileIn(room)}`, `${lines.join('\n')}\n`]),
      ),
      '--reporter=github',
      '--max-diagnostics=none',
    );
    const refused = [
      ...said.matchAll(/title=lint\/style\/noRestrictedImports,file=([^,]+),line=(\d+)/g),
    ].map(([, file = '', line = '']) => {
      const room = file.split(`/${EMULATOR}/`)[1]?.replace(/\/it\.ts$/, '') ?? '';
      return `${room} → ${files.get(room)?.[Number(line) - 1]?.split('// ')[1]}`;
    });
    const expected = pairs
      .filter(
        ({ from, to }) =>
          to.floor < from.floor ||
          (to.floor === from.floor && to.room !== from.room && to.room.startsWith('api/')),
      )
      .map(({ from, to }) => `${from.room} → ${to.room}`);
    expect(expected.length).toBeGreaterThan(100);
    expect(refused.sort()).toEqual(expected.sort());
  });
});
