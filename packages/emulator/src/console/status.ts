/** Returns the class of a status: its color. */
export function statusClass(status: number): string {
  if (status < 400) return 'good';
  return status < 500 ? 'bad' : 'broken';
}
