import { ENDPOINTS, type Filters, NO_FILTERS, STATUSES } from './filters.ts';
import { Select } from './select.tsx';
import { TextField } from './text-field.tsx';

/** The filters of the request log. */
export function RequestFilters(props: {
  readonly filters: Filters;
  readonly onChange: (filters: Filters) => void;
}) {
  const { filters, onChange } = props;
  const set = (name: keyof Filters) => (value: string) => onChange({ ...filters, [name]: value });
  return (
    <fieldset class="row">
      <legend>Filters</legend>
      <Select
        label="Endpoint"
        value={filters.endpoint}
        options={ENDPOINTS}
        onChange={set('endpoint')}
      />
      <Select label="Status" value={filters.status} options={STATUSES} onChange={set('status')} />
      <TextField label="Thing" value={filters.thingName} onChange={set('thingName')} />
      <TextField label="Text" value={filters.text} onChange={set('text')} />
      <button type="button" onClick={() => onChange(NO_FILTERS)}>
        Reset the filters
      </button>
    </fieldset>
  );
}
