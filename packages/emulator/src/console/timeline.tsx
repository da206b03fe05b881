import type { RequestRecord } from '../http/request-record.ts';
import { formatDuration, formatTime } from './format.ts';
import { statusClass } from './status.ts';

const WIDTH = 1000;
const LANE = 24;
const GAP = 6;
const LEAST_WIDTH = 4;
const LANES = ['credentials', 'api'] as const;
const HEIGHT = LANES.length * LANE + GAP;

/** The requests over time: a lane for each endpoint, and a bar from the receipt of each request to its response. */
export function Timeline({ requests }: { readonly requests: readonly RequestRecord[] }) {
  if (requests.length === 0) return <p>No request matches yet.</p>;
  const bars = requests.map((request) => {
    const { timeMs, durationMs = 0 } = request;
    return { request, start: timeMs, end: timeMs + durationMs };
  });
  const from = Math.min(...bars.map(({ start }) => start));
  const to = Math.max(from + 1, ...bars.map(({ end }) => end));
  const scale = (WIDTH - LEAST_WIDTH) / (to - from);
  return (
    <figure>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={describe(requests, from, to)}
      >
        {bars.map(({ request, start, end }) => (
          <rect
            key={request.sequence}
            class={statusClass(request.status)}
            x={(start - from) * scale}
            y={LANES.indexOf(request.endpoint) * (LANE + GAP)}
            width={Math.max(LEAST_WIDTH, (end - start) * scale)}
            height={barHeight(request.status)}
          />
        ))}
      </svg>
      <figcaption>
        {formatTime(from)} to {formatTime(to)}; above the credential provider, below the AWS APIs
      </figcaption>
    </figure>
  );
}

/** Not only the color tells what failed: those bars are higher. */
function barHeight(status: number): number {
  return status < 400 ? LANE / 2 : LANE;
}

function describe(requests: readonly RequestRecord[], from: number, to: number): string {
  const failed = requests.filter(({ status }) => status >= 400).length;
  const longest = Math.max(...requests.map(({ durationMs = 0 }) => durationMs));
  return [
    `Timeline of ${requests.length} requests from ${formatTime(from)} to ${formatTime(to)}`,
    `${requests.length - failed} succeeded, ${failed} failed`,
    `the longest took ${formatDuration(longest)}`,
  ].join(': ');
}
