// Builds dist: the modules and their types by tsc, and the console as one file for browsers.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, rmSync } from 'node:fs';
import { rolldown } from 'rolldown';
import { packagesIn, writeNotices } from '../../scripts/notices.mjs';

const CONSOLE = 'dist/console';

async function buildConsole() {
  const build = await rolldown({
    input: 'src/console/main.tsx',
    platform: 'browser',
    tsconfig: 'src/console/tsconfig.json',
    transform: { target: 'es2022' },
    onLog: (level, log) => {
      throw new Error(`${level}: ${log.message}`);
    },
  });
  const { output } = await build.write({
    file: `${CONSOLE}/console.js`,
    format: 'esm',
    minify: true,
  });
  await build.close();
  for (const file of ['index.html', 'console.css']) {
    copyFileSync(`src/console/${file}`, `${CONSOLE}/${file}`);
  }
  writeNotices(packagesIn(output), `${CONSOLE}/NOTICES.txt`);
}

rmSync('dist', { recursive: true, force: true });
try {
  // A command of npm is a script on Windows, which only a shell runs.
  const shell = process.platform === 'win32';
  execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit', shell });
  await buildConsole();
  chmodSync('dist/cli/main.js', 0o755);
} catch (error) {
  // Half a build is worse than none.
  rmSync('dist', { recursive: true, force: true });
  throw error;
}
