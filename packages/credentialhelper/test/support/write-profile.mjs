// Writes a profile of a credentials file again and again, with one value for all of its keys:
//   node --import tsx write-profile.mjs FILE PROFILE COUNT
import { ProfileFile } from '../../src/cli/profiles/profile-file.ts';

const [, , path, name, count] = process.argv;
const file = new ProfileFile('credentials', path);
const KEYS = ['aws_access_key_id', 'aws_secret_access_key', 'aws_session_token'];
// Timers of the package do not keep a process running.
const hold = setInterval(() => {}, 1e6);
for (let number = 1; number <= Number(count); number++) {
  await file.write(name, () => new Map(KEYS.map((key) => [key, String(number)])));
}
clearInterval(hold);
