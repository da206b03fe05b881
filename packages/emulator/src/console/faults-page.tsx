import { useRef, useState } from 'preact/hooks';
import type { ListedFault } from '../faults/faults.ts';
import { type CallError, call } from './call.ts';
import { Failure } from './failure.tsx';
import { FaultForm } from './fault-form.tsx';
import { FaultList } from './fault-list.tsx';
import { Heading } from './heading.tsx';
import { useAnswer } from './use-answer.ts';

/** The faults: those that are set, and a form to add one. */
export function FaultsPage() {
  const { value: faults, error, reload } = useAnswer<readonly ListedFault[]>('faults');
  const [done, setDone] = useState('');
  const [failure, setFailure] = useState<CallError>();
  const heading = useRef<HTMLHeadingElement>(null);
  const change = async (path: string, init: RequestInit, result: string) => {
    await call(path, init);
    setFailure(undefined);
    setDone(result);
    reload();
    // The button that was pressed may be gone.
    heading.current?.focus();
  };
  const remove = (path: string, result: string) => {
    change(path, { method: 'DELETE' }, result).catch((problem: CallError) => setFailure(problem));
  };
  return (
    <>
      <Heading title="Faults" />
      <section aria-labelledby="active">
        <h2 id="active" ref={heading} tabIndex={-1}>
          Active faults
        </h2>
        <p role="status">{done}</p>
        <Failure error={error ?? failure} />
        {faults !== undefined && <FaultList faults={faults} onRemove={remove} />}
      </section>
      <FaultForm
        onAdd={(fault) =>
          change('faults', { method: 'POST', body: JSON.stringify(fault) }, 'The fault was added.')
        }
      />
    </>
  );
}
