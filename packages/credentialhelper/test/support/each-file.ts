// Runs for each test file, also where the files of a worker share what they import: leaves nothing to the next one.
import { afterAll } from 'vitest';
import { forgetSecrets } from './secrets.ts';
import { deleteTemporaryFolders } from './temporary-folder.ts';

const environment = { ...process.env };

afterAll(() => {
  for (const name of Object.keys(process.env)) {
    if (!(name in environment)) delete process.env[name];
  }
  Object.assign(process.env, environment);
  forgetSecrets();
  deleteTemporaryFolders();
});
