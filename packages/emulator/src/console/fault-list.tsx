import type { ListedFault } from '../faults/faults.ts';

/** The faults that are set, in their order, with buttons to remove them. */
export function FaultList(props: {
  readonly faults: readonly ListedFault[];
  readonly onRemove: (path: string, result: string) => void;
}) {
  const { faults, onRemove } = props;
  if (faults.length === 0) return <p>None.</p>;
  return (
    <>
      <p>The first fault that matches a request is applied to it.</p>
      <ol>
        {faults.map(({ id, ...fault }) => (
          <li key={id}>
            <code id={`fault-${id}`}>{JSON.stringify(fault)}</code>{' '}
            <button
              type="button"
              aria-describedby={`fault-${id}`}
              onClick={() => onRemove(`faults/${id}`, 'The fault was removed.')}
            >
              Remove
            </button>
          </li>
        ))}
      </ol>
      <button type="button" onClick={() => onRemove('faults', 'All faults were removed.')}>
        Remove all faults
      </button>
    </>
  );
}
