// Type-checks a program with each module resolution of TypeScript, including the types of the package.
import { resolve } from 'node:path';
import { check, head } from './project.mjs';

// Missing types would be "any": each directive must find an error.
const PROGRAM = `import { createSession, fromIotCore, isCredentialHelperError, type ErrorCode } from 'awsiot-credentialhelper';
import { openTlsIdentity, type TlsIdentity } from 'awsiot-credentialhelper/tls';

const options = { endpoint: 'host', roleAlias: 'alias', certificate: new Uint8Array(1), privateKey: 'key.pem' };
export const keyId: Promise<string> = fromIotCore(options)().then(({ accessKeyId }) => accessKeyId);
export const region: string = createSession({
  endpoint: 'host',
  roleAlias: 'alias',
  certificate: 'pkcs11:',
  pkcs11: { uri: 'pkcs11:object=key', isolate: { program: 'child.js' } },
}).region;
export const expiration: Promise<Date> = fromIotCore(options)().then((given) => given.expiration);
export const identity: Promise<TlsIdentity> = openTlsIdentity({ certificate: 'a', privateKey: 'b' });
export const codeOf = (error: unknown): ErrorCode | undefined =>
  isCredentialHelperError(error) ? error.code : undefined;
// @ts-expect-error
createSession({ ...options, timeoutMs: 'soon' });
// @ts-expect-error
createSession({ ...options, pkcs11: { uri: 'pkcs11:object=key' } });
// @ts-expect-error
openTlsIdentity({ certificate: 'a', privateKey: 1 });
`;

/**
 * Each module resolution, its compiler options, and the file name of the program, which determines its module format.
 */
const RESOLUTIONS = [
  ['node10', 'program.ts', { module: 'commonjs', moduleResolution: 'node10' }],
  ['node16, ESM', 'program.mts', { module: 'node16' }],
  ['node16, CommonJS', 'program.cts', { module: 'node16' }],
  ['nodenext, ESM', 'program.mts', { module: 'nodenext' }],
  ['nodenext, CommonJS', 'program.cts', { module: 'nodenext' }],
  ['bundler', 'program.ts', { module: 'esnext', moduleResolution: 'bundler' }],
];

/** The module resolutions of a version of TypeScript. */
export function resolutionsOf(version) {
  const hasNode10 = Number.parseInt(version, 10) < 7;
  return RESOLUTIONS.map(([name]) => name).filter((name) => hasNode10 || name !== 'node10');
}

/** Type-checks the program in a project; returns the output of TypeScript, empty without errors. */
export async function typeCheck(project, resolution, tsc = 'node_modules/typescript/bin/tsc') {
  const [, file, set] = RESOLUTIONS.find(([name]) => name === resolution);
  project.write(file, PROGRAM);
  const compilerOptions = {
    ...{ target: 'es2022', lib: ['es2022'], types: ['node'], strict: true, noEmit: true },
    ...{ skipLibCheck: false, exactOptionalPropertyTypes: true, ...set },
  };
  const config = JSON.stringify({ compilerOptions, files: [file] });
  const { status, printed } = await project.run(resolve(project.folder, tsc), [
    ...['-p', project.write('tsconfig.json', config)],
  ]);
  return status === 0 ? '' : printed || `status ${status}`;
}

/** Type-checks with each version of TypeScript, and prints a row for each resolution. */
export async function tryTypeScript(projects) {
  head(['TypeScript', 'resolution', 'errors']);
  for (const project of projects) {
    const version = project.version('typescript');
    for (const resolution of resolutionsOf(version)) {
      const printed = await typeCheck(project, resolution);
      const errors = printed.match(/error TS\d+/g)?.length ?? Number(printed !== '');
      check([version, resolution], [{ came: String(errors), expected: '0', details: printed }]);
    }
  }
}
