import type { Fault } from '../faults/fault.ts';

/** A fault that is set. */
export type ListedFault = Fault;

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
        {faults.map((fault, index) => (
          <li key={index}>
            <code>{JSON.stringify(fault)}</code>
          </li>
        ))}
      </ol>
      <button type="button" onClick={() => onRemove('faults', 'All faults were removed.')}>
        Remove all faults
      </button>
    </>
  );
}
