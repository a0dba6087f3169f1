import type { Metadata } from 'next';
import { UserForm } from '../../../components/user-form';

export const metadata: Metadata = { title: 'Add user' };

export default function NewUserPage() {
  return (
    <>
      <h1>Add user</h1>
      <UserForm />
    </>
  );
}
