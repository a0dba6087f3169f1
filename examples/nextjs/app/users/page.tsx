import type { Metadata } from 'next';
import Link from 'next/link';
import { redirect } from 'next/navigation';
import { mapOrmError } from 'mikro-orm-web';
import { SamplesButton } from '../../components/samples-button';
import { withBoundary } from '../../components/with-boundary';
import { User, type Page } from '../../lib/entities';
import { userPage } from '../../lib/input';
import { getEm } from '../../lib/orm';

export const metadata: Metadata = { title: 'Users' };

type Props = { searchParams: Promise<Record<string, string | string[] | undefined>> };

const date = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });

export default withBoundary(UsersPage);

async function UsersPage({ searchParams }: Props) {
  const page = userPage.safeParse(await searchParams);
  if (!page.success) redirect('/users');
  const users = await findUsers(page.data);
  return (
    <>
      <div className="title">
        <h1>Users</h1>
        <Link className="button" href="/users/new">
          Add user
        </Link>
      </div>
      {users.totalCount === 0 ? (
        <div className="card empty">
          <p>Nobody is here yet.</p>
          <SamplesButton />
        </div>
      ) : (
        <>
          <div className="card table">
            <table>
              <thead>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col">Email</th>
                  <th scope="col">Added (UTC)</th>
                </tr>
              </thead>
              <tbody>
                {users.items.map(user => (
                  <tr key={user.id}>
                    <td>{user.fullName}</td>
                    <td>{user.email}</td>
                    <td>
                      <time dateTime={user.createdAt.toISOString()}>{date.format(user.createdAt)}</time>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <nav className="pages" aria-label="Pages">
            <PageLink rel="prev" query={users.hasPrevPage && { before: users.startCursor }}>
              ← Previous
            </PageLink>
            <PageLink rel="next" query={users.hasNextPage && { after: users.endCursor }}>
              Next →
            </PageLink>
          </nav>
        </>
      )}
    </>
  );
}

async function findUsers(page: Page) {
  const em = await getEm();
  try {
    return await em.getRepository(User).page(page);
  } catch (error) {
    // a mangled link: not a cursor at all, or one whose values are not those of an id
    const code = mapOrmError(error)?.code;
    if (code === 'invalid-cursor' || code === 'invalid-value') redirect('/users');
    throw error;
  }
}

type PageLinkProps = { rel: 'prev' | 'next'; query: false | Record<string, string | null>; children: string };

function PageLink({ rel, query, children }: PageLinkProps) {
  if (!query) return <span className="muted">{children}</span>;
  return (
    <Link rel={rel} href={{ pathname: '/users', query }}>
      {children}
    </Link>
  );
}
