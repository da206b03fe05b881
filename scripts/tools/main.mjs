// Run by tools.sh: prints a table for each kind of tool, and fails for unexpected results.
//   node scripts/tools/main.mjs FOLDER_WITH_THE_PROJECTS [bundlers|typescript|jest|vitest …]
import { join } from 'node:path';
import { makeDevice } from '../device.mjs';
import { tryBundlers } from './bundlers.mjs';
import { Project } from './project.mjs';
import { tryJest, tryVitest } from './test-runners.mjs';
import { tryTypeScript } from './typescript.mjs';

/** Projects with each version of TypeScript. */
const TYPESCRIPTS = ['typescript-5.4', 'typescript-5.9', 'typescript-7'];
const [folder, ...chosen] = process.argv.slice(2);
const project = (name) => new Project(join(folder, name));
const device = await makeDevice();
const PARTS = {
  bundlers: () => tryBundlers(project('bundlers'), device),
  typescript: () => tryTypeScript(TYPESCRIPTS.map(project)),
  jest: () => tryJest(project('jest'), device),
  vitest: () => tryVitest(project('vitest'), device),
};
for (const [name, part] of Object.entries(PARTS)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  await part();
  console.log();
}
await device.close();
