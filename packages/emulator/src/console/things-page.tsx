import { useState } from 'preact/hooks';
import type { ThingsAnswer } from '../server/control/answers.ts';
import { withQuery } from './call.ts';
import { Failure } from './failure.tsx';
import { Heading } from './heading.tsx';
import { link } from './route.ts';
import { useAnswer } from './use-answer.ts';

const PAGE = 50;

/** The things, a page at a time. */
export function ThingsPage() {
  const [search, setSearch] = useState('');
  /** The parameter `after` of this page and those before it; the first page has none. */
  const [cursors, setCursors] = useState<readonly string[]>([]);
  const path = withQuery('things', { limit: PAGE, search, after: cursors.at(-1) });
  const { value, error } = useAnswer<ThingsAnswer>(path);
  const next = value?.next;
  const first = cursors.length * PAGE;
  return (
    <>
      <Heading title="Things" />
      <div class="row">
        <label for="search">Search by name</label>
        <input
          id="search"
          type="search"
          autocomplete="off"
          spellcheck={false}
          value={search}
          onInput={(event) => {
            setCursors([]);
            setSearch(event.currentTarget.value);
          }}
        />
      </div>
      <Failure error={error} />
      <p role="status">{value && describe(value, first)}</p>
      {value !== undefined && value.things.length > 0 && <ThingList {...value} />}
      <nav aria-label="Pages" class="row">
        <button
          type="button"
          disabled={cursors.length === 0}
          onClick={() => setCursors(cursors.slice(0, -1))}
        >
          Previous page
        </button>
        <button
          type="button"
          disabled={next === undefined}
          onClick={() => next !== undefined && setCursors([...cursors, next])}
        >
          Next page
        </button>
      </nav>
    </>
  );
}

function ThingList({ things }: ThingsAnswer) {
  return (
    <table>
      <caption class="hidden">Things</caption>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Type</th>
          <th scope="col">Certificates</th>
        </tr>
      </thead>
      <tbody>
        {things.map(({ thingName, thingTypeName, certificates }) => (
          <tr key={thingName}>
            <th scope="row">
              <a href={link('things', thingName)}>{thingName}</a>
            </th>
            <td>{thingTypeName ?? '–'}</td>
            <td>{certificates}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function describe({ things, total }: ThingsAnswer, first: number): string {
  if (total === 0) return 'No thing matches.';
  if (things.length === 0) return `No further thing of ${total.toLocaleString('en')}.`;
  const range = `${first + 1} to ${first + things.length}`;
  return `${range} of ${total.toLocaleString('en')} ${total === 1 ? 'thing' : 'things'}`;
}
