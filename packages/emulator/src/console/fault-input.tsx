import { useId } from 'preact/hooks';
import type { FaultField } from './fault-fields.ts';

/** A field of the form for faults. */
export function FaultInput(props: {
  readonly field: FaultField;
  /** The id of the message about this field, if any. */
  readonly problemId: string | undefined;
}) {
  const id = useId();
  const { field, problemId } = props;
  const hintId = field.hint === undefined ? undefined : `${id}-hint`;
  const common = {
    id,
    name: field.name,
    'aria-invalid': problemId !== undefined,
    'aria-describedby': [hintId, problemId].filter(Boolean).join(' ') || undefined,
  };
  return (
    <div class="field">
      <label for={id}>{field.label}</label>
      {field.options !== undefined ? (
        <select {...common}>
          <option value="">–</option>
          {field.options.map((option) => (
            <option key={option}>{option}</option>
          ))}
        </select>
      ) : field.kind === 'lines' ? (
        <textarea {...common} rows={2} spellcheck={false} />
      ) : (
        <input {...common} type="text" autocomplete="off" spellcheck={false} />
      )}
      {hintId !== undefined && (
        <span class="quiet" id={hintId}>
          {field.hint}
        </span>
      )}
    </div>
  );
}
