const TIME = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
});

/** Returns the time of day, with milliseconds. */
export function formatTime(timeMs: number): string {
  return TIME.format(timeMs);
}

/** Returns a date and time, in ISO 8601. */
export function formatDate(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d+/, '');
}

/** Returns a duration of a request. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1000) return `${durationMs.toFixed(durationMs < 10 ? 1 : 0)} ms`;
  return `${(durationMs / 1000).toFixed(1)} s`;
}

const UNITS = [
  ['day', 86_400],
  ['h', 3600],
  ['min', 60],
] as const;

/** Returns the time until an instant, such as `59 min 3 s`, or `expired`. */
export function formatTimeLeft(expirationMs: number, nowMs: number): string {
  let seconds = Math.floor((expirationMs - nowMs) / 1000);
  if (seconds <= 0) return 'expired';
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(seconds / size);
    seconds %= size;
    if (count > 0) parts.push(`${count} ${unit === 'day' && count > 1 ? 'days' : unit}`);
  }
  if (parts.length === 0 || (parts.length < 2 && seconds > 0)) parts.push(`${seconds} s`);
  return parts.slice(0, 2).join(' ');
}
