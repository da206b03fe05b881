import { useRef, useState } from 'preact/hooks';
import { FAULT_GROUPS } from './fault-fields.ts';
import { FaultInput } from './fault-input.tsx';
import { faultOf, fieldsNamedIn } from './fault-values.ts';

const PROBLEM = 'fault-problem';

/** The form to add a fault. The emulator checks it; what it objects to is shown here. */
export function FaultForm(props: { readonly onAdd: (fault: object) => Promise<void> }) {
  const [problem, setProblem] = useState<string>();
  const form = useRef<HTMLFormElement>(null);
  const invalid = problem === undefined ? [] : fieldsNamedIn(problem);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (form.current === null) return;
    props.onAdd(faultOf(new FormData(form.current))).then(
      () => {
        form.current?.reset();
        setProblem(undefined);
      },
      (error: Error) => {
        setProblem(error.message);
        const [first] = fieldsNamedIn(error.message);
        form.current?.querySelector<HTMLElement>(`[name="${first}"]`)?.focus();
      },
    );
  };
  return (
    <section aria-labelledby="add">
      <h2 id="add">Add a fault</h2>
      <form ref={form} onSubmit={submit} noValidate>
        {FAULT_GROUPS.map(({ title, fields }) => (
          <fieldset key={title}>
            <legend>{title}</legend>
            <div class="fields">
              {fields.map((field) => (
                <FaultInput
                  key={field.name}
                  field={field}
                  problemId={invalid.includes(field.name) ? PROBLEM : undefined}
                />
              ))}
            </div>
          </fieldset>
        ))}
        <div role="alert">
          {problem !== undefined && (
            <p class="problem" id={PROBLEM}>
              {problem}
            </p>
          )}
        </div>
        <button type="submit">Add the fault</button>
      </form>
    </section>
  );
}
