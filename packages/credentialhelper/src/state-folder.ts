import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * The folder for what must outlive a process: systemd's `StateDirectory=` where the unit has one, else as the XDG Base
 * Directory Specification says.
 */
export function defaultStateFolder(): string {
  // biome-ignore lint/style/noProcessEnv: the two conventions for the place of state
  const { STATE_DIRECTORY, XDG_STATE_HOME } = process.env;
  // systemd.exec(5): several folders are separated by colons.
  const systemd = STATE_DIRECTORY?.split(':')[0];
  const base = systemd || XDG_STATE_HOME || join(homedir(), '.local', 'state');
  return join(base, 'awsiot-credentialhelper');
}
