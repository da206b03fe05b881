// Writes the API of each entry point: a report for reviews (etc/*.api.md) and a reference for users (docs/api/*.md).
// Fails for an exported symbol, or a member of one, without TSDoc. With --check, fails if a file differs, and writes
// nothing.
//   npm run build && npm run api
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';
import { reference } from './api-reference.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ENTRIES = [
  { name: 'awsiot-credentialhelper', folder: 'packages/credentialhelper', types: 'index' },
  { name: 'awsiot-credentialhelper/tls', folder: 'packages/credentialhelper', types: 'tls' },
  { name: 'awsiot-credentialhelper-emulator', folder: 'packages/emulator', types: 'index' },
];

const temporary = mkdtempSync(join(tmpdir(), 'awsiot-credentialhelper-api-'));
process.on('exit', () => rmSync(temporary, { recursive: true }));

/** The problems in the documentation of an entry point. */
function extract({ folder, types }, report, model) {
  const projectFolder = join(ROOT, folder);
  const problems = [];
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder,
      mainEntryPointFilePath: join(projectFolder, `dist/${types}.d.ts`),
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            module: 'nodenext',
            skipLibCheck: true,
            target: 'es2023',
            types: ['node'],
          },
          include: [`dist/${types}.d.ts`],
        },
      },
      apiReport: {
        enabled: true,
        reportFileName: report,
        reportFolder: temporary,
        reportTempFolder: join(temporary, 'temp'),
      },
      docModel: { enabled: true, apiJsonFilePath: model },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      newlineKind: 'lf',
      messages: {
        compilerMessageReporting: { default: { logLevel: 'error' } },
        extractorMessageReporting: {
          default: { logLevel: 'error' },
          'ae-missing-release-tag': { logLevel: 'none' },
        },
        tsdocMessageReporting: { default: { logLevel: 'error' } },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(projectFolder, 'package.json'),
  });
  Extractor.invoke(config, {
    localBuild: true,
    messageCallback(message) {
      message.handled = true;
      if (message.logLevel !== 'error') return;
      const where = `${message.sourceFilePath ?? ''}:${message.sourceFileLine ?? ''}`;
      problems.push(`${where}: ${message.text} (${message.messageId})`);
    },
  });
  return problems;
}

const files = new Map();
const problems = [];
for (const entry of ENTRIES) {
  const file = entry.name.replace('/', '-');
  const model = join(temporary, `${file}.api.json`);
  problems.push(...extract(entry, `${file}.api.md`, model));
  files.set(`etc/${file}.api.md`, readFileSync(join(temporary, `${file}.api.md`), 'utf8'));
  files.set(`docs/api/${file}.md`, reference(entry.name, model));
}
const isCheck = process.argv.includes('--check');
for (const [file, text] of files) {
  const path = join(ROOT, file);
  if (isCheck) {
    const old = existsSync(path) ? readFileSync(path, 'utf8') : undefined;
    if (old !== text) problems.push(`${file} is out of date: npm run build && npm run api`);
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
for (const problem of problems) console.error(problem);
process.exitCode = problems.length === 0 ? 0 : 1;
