import { addSampleData } from '../app/actions';
import { SubmitButton } from './submit-button';

export function SamplesButton() {
  return (
    <form action={addSampleData}>
      <SubmitButton>Add sample data</SubmitButton>
    </form>
  );
}
