import { useState } from 'preact/hooks';
import { matches, NO_FILTERS } from './filters.ts';
import { Heading } from './heading.tsx';
import { RequestFilters } from './request-filters.tsx';
import { RequestTable } from './request-table.tsx';
import { Timeline } from './timeline.tsx';
import { type LiveRequests, useRequests } from './use-requests.ts';

/** How many requests are drawn. */
const SHOWN = 100;

/** The live request log. */
export function RequestsPage({ thingName }: { readonly thingName: string }) {
  const [filters, setFilters] = useState({ ...NO_FILTERS, thingName });
  const [isPaused, setPaused] = useState(false);
  const live = useRequests(isPaused);
  const found = live.requests.filter((request) => matches(request, filters));
  const shown = found.slice(-SHOWN).reverse();
  return (
    <>
      <Heading title="Requests" />
      <RequestFilters filters={filters} onChange={setFilters} />
      <div class="row">
        <button type="button" aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
          Pause
        </button>
        <p role="status">{connectionOf(live, isPaused)}</p>
      </div>
      <p class="quiet" id="count">
        {shown.length} of {found.length} matching requests, of the latest {live.requests.length}
        {live.dropped > 0 && `; ${live.dropped} left out, as there were too many at once`}
      </p>
      <Timeline requests={shown} />
      <RequestTable requests={shown} />
    </>
  );
}

/** Read by screen readers: changes rarely. */
function connectionOf({ isConnected }: LiveRequests, isPaused: boolean): string {
  if (isPaused) return 'Paused: new requests are shown afterwards.';
  return isConnected ? 'Live' : 'Not connected to the emulator.';
}
