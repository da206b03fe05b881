// The READMEs on npm: their links, and their examples, in an empty project; the demo, too.
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify, stripVTControlCharacters } from 'node:util';
import { startEmulator } from 'awsiot-credentialhelper-emulator';
import { lexer, type Token, walkTokens } from 'marked';
import { describe, expect, it } from 'vitest';
import { run } from '../tools/project.mjs';
import { Workshop } from './projects.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const workshop = new Workshop();
const packed = [await workshop.pack('credentialhelper'), await workshop.pack('emulator')];
const folder = await workshop.install(
  'project',
  packed.map(({ file }) => file),
);

/** Links a package of this repository into the project: an installation takes longer than all else here. */
function link(name: string): string {
  const from = join(root, 'node_modules', name);
  const to = join(folder, 'node_modules', name);
  mkdirSync(dirname(to), { recursive: true });
  symlinkSync(from, to);
  return from;
}

function tokensOf(markdown: string): readonly Token[] {
  const tokens: Token[] = [];
  void walkTokens(lexer(markdown), (token) => {
    tokens.push(token);
  });
  return tokens;
}

/** The text of each block in a language. */
function blocksOf(tokens: readonly Token[], language: string): readonly string[] {
  return tokens.flatMap((token) =>
    token.type === 'code' && token.lang === language ? [String(token.text)] : [],
  );
}

/** The targets of links and images, in Markdown and in HTML. */
function linksOf(tokens: readonly Token[]): readonly string[] {
  return tokens.flatMap((token) => {
    if (token.type === 'link' || token.type === 'image') return [String(token.href)];
    if (token.type !== 'html') return [];
    return [...token.raw.matchAll(/\b(?:src|srcset|href)="([^"]*)"/g)].map(([, link = '']) => link);
  });
}

/** GitHub's anchors of the headings of a page. */
function anchorsOf(file: string): readonly string[] {
  return tokensOf(readFileSync(file, 'utf8')).flatMap((token) =>
    token.type === 'heading'
      ? [
          String(token.text)
            .toLowerCase()
            .replace(/[^\p{L}\p{N}\- _]/gu, '')
            .replaceAll(' ', '-'),
        ]
      : [],
  );
}

/** The problem with a link, if any. */
function problemOf(
  link: string,
  page: string,
  version: string,
  readme: string,
): string | undefined {
  const raw = page.replace('//github.com', '//raw.githubusercontent.com');
  const [base, anchor] = link.split('#');
  const places = [`${page}/blob/v${version}/`, `${page}/tree/v${version}/`, `${raw}/v${version}/`];
  const place = places.find((start) => link.startsWith(start));
  if (base !== '' && place === undefined) {
    return /^(https|mailto):/.test(link) ? undefined : 'npm does not resolve it';
  }
  const file = base === '' ? readme : join(root, (base ?? '').slice(place?.length));
  if (!existsSync(file)) return 'no such file in the repository';
  if (anchor !== undefined && !anchorsOf(file).includes(anchor)) return 'no such heading';
  return undefined;
}

describe.each([
  ['awsiot-credentialhelper', 'packages/credentialhelper', 'npm install awsiot-credentialhelper '],
  [
    'awsiot-credentialhelper-emulator',
    'packages/emulator',
    'npm install --save-dev awsiot-credentialhelper-emulator',
  ],
])('the packed %s', (name, directory, installation) => {
  const installed = join(folder, 'node_modules', name);
  const manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
  const readme = join(installed, 'README.md');
  const tokens = tokensOf(readFileSync(readme, 'utf8'));
  const page = manifest.repository.url.replace(/^git\+|\.git$/g, '');

  it('names its repository', () => {
    expect(manifest).toMatchObject({
      author: expect.stringMatching(/./),
      bugs: { url: `${page}/issues` },
      homepage: expect.stringMatching(new RegExp(`^${page}.*#readme$`)),
      keywords: expect.arrayContaining(['aws-iot', 'credential-provider']),
      license: 'Apache-2.0',
      repository: { type: 'git', url: expect.stringMatching(/^git\+https:.*\.git$/), directory },
    });
    expect(existsSync(join(root, directory, 'package.json'))).toBe(true);
  });

  it('has a README whose links work on the registry page', () => {
    const problems = linksOf(tokens).map((link) => [
      link,
      problemOf(link, page, manifest.version, readme),
    ]);
    expect(problems.filter(([, problem]) => problem !== undefined)).toEqual([]);
  });

  it('has a README with the installation, and an example of a test that passes', async () => {
    const commands = blocksOf(tokens, 'sh').flatMap((block) => block.split('\n'));
    expect(commands.find((command) => command.startsWith(installation))).toBeDefined();
    const [example = '', ...more] = blocksOf(tokens, 'js').filter((block) =>
      block.includes('node:test'),
    );
    expect(more).toEqual([]);
    const file = join(folder, `${name}.test.mjs`);
    writeFileSync(file, example);
    const { status, printed } = await run('--test', [file], { cwd: folder });
    expect(printed).toMatch(/^. pass 1$/m);
    expect(status).toBe(0);
  });
});

it('the README of the emulator has fixtures for Vitest that work', async () => {
  const installed = join(folder, 'node_modules/awsiot-credentialhelper-emulator');
  const tokens = tokensOf(readFileSync(join(installed, 'README.md'), 'utf8'));
  const [example = '', ...more] = blocksOf(tokens, 'js').filter((block) =>
    block.includes("from 'vitest'"),
  );
  expect(more).toEqual([]);
  const vitest = link('vitest');
  writeFileSync(join(folder, 'fixtures.test.mjs'), example);
  const args = ['run', '--root', folder, 'fixtures'];
  const { status, printed } = await run(join(vitest, 'vitest.mjs'), args, { cwd: folder });
  expect(stripVTControlCharacters(printed)).toMatch(/Tests +2 passed \(2\)/);
  expect(status).toBe(0);
});

it('the README shows how to import the package, and each way works', async () => {
  const readme = readFileSync(
    join(folder, 'node_modules/awsiot-credentialhelper/README.md'),
    'utf8',
  );
  const lines = blocksOf(tokensOf(readme), 'ts')
    .find((block) => block.includes('require('))
    ?.split('\n');
  const [esm = '', cjs = '', typed = ''] = lines ?? [];
  expect(lines).toHaveLength(3);
  const check = '\nconsole.log(typeof createSession);';
  const write = (name: string, line: string) => {
    writeFileSync(join(folder, name), line + check);
    return join(folder, name);
  };
  expect((await run(write('three.mjs', esm), [], {})).printed).toBe('function');
  expect((await run(write('three.cjs', cjs), [], {})).printed).toBe('function');
  const [, options = ''] = /type (\w+)/.exec(typed) ?? [];
  writeFileSync(
    join(folder, 'three.mts'),
    `${typed}\nexport const of = (options: ${options}): string => createSession(options).region;`,
  );
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--types', 'node'];
  const types = ['--typeRoots', join(root, 'node_modules/@types')];
  const { printed } = await run(tsc, [...flags, ...types, 'three.mts'], { cwd: folder });
  expect(printed).toBe('');
});

it('the README shows three lines that make the AWS CLI work', async () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const block = blocksOf(tokensOf(readme), 'sh').find((text) =>
    text.includes('configure --profile'),
  );
  const [install, configure = '', use = '', ...more] = block?.split('\n') ?? [];
  expect([install, more]).toEqual(['npm install --global awsiot-credentialhelper', []]);
  await using aws = await startEmulator();
  const device = await aws.seed({ thingName: 'my-thing', roleAlias: 'my-role-alias' });
  const here = join(folder, 'aws-cli');
  mkdirSync(here);
  for (const [name, text] of [
    ['my-thing-cert.pem', device.certificatePem],
    ['my-thing-key.pem', device.privateKeyPem],
    ['ca.pem', aws.ca],
  ] as const) {
    writeFileSync(join(here, name), text, { mode: 0o600 });
  }
  const lines = [
    configure.replace(/--endpoint \S+/, `--endpoint ${aws.credentialsEndpoint}`),
    `${use} --endpoint-url ${aws.apiEndpoint} --output json`,
  ];
  const { stdout } = await promisify(execFile)('sh', ['-ec', lines.join('\n')], {
    cwd: here,
    env: {
      // Debian's AWS CLI, and the command that is installed.
      PATH: `${join(folder, 'node_modules/.bin')}:${dirname(process.execPath)}:/usr/bin:/bin`,
      HOME: here,
      AWS_IOT_CA: join(here, 'ca.pem'),
      AWS_REGION: aws.region,
      AWS_DEFAULT_REGION: aws.region,
    },
  });
  const [identity] = /{.*}/s.exec(stdout) ?? [];
  expect(JSON.parse(identity ?? '').Arn).toContain(`/${device.certificateId}`);
});

it('the demo works', async () => {
  cpSync(join(root, 'examples/demo'), join(folder, 'demo'), { recursive: true });
  writeFileSync(join(folder, 'demo/package.json'), '{ "type": "module" }');
  link('@aws-sdk/client-sts');
  const args = [join(link('tsx'), 'dist/cli.mjs'), 'demo/main.ts'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: folder });
  expect(stdout.match(/assumed-role\//g)?.length).toBeGreaterThanOrEqual(2);
});
