/** An environment variable that is a convention of other programs too; empty if it is not set. */
export function environmentVariable(name: string): string {
  try {
    // biome-ignore lint/style/noProcessEnv: the conventions for region and proxy
    return process.env[name] ?? '';
  } catch {
    // Deno does not show it without --allow-env.
    return '';
  }
}
