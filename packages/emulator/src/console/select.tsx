import { useId } from 'preact/hooks';

/** A choice with its label. */
export function Select(props: {
  readonly label: string;
  readonly value: string | undefined;
  readonly options: readonly string[];
  readonly onChange: (value: string) => void;
}) {
  const id = useId();
  const { label, value, options, onChange } = props;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        disabled={options.length === 0}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      >
        {options.length === 0 && <option>none</option>}
        {options.map((option) => (
          <option key={option}>{option}</option>
        ))}
      </select>
    </div>
  );
}
