import Link from 'next/link';
import { SamplesButton } from '../components/samples-button';
import { withBoundary } from '../components/with-boundary';
import { ArticleListing } from '../lib/entities';
import { getEm } from '../lib/orm';

export default withBoundary(HomePage);

async function HomePage() {
  const em = await getEm();
  const discussed = await em.find(ArticleListing, {}, { orderBy: { totalComments: 'desc', title: 'asc' }, limit: 5 });
  return (
    <>
      <h1>Notebook</h1>
      <p className="lead">A small Next.js app on MikroORM: articles, their tags and comments, and who wrote them.</p>
      <section className="card">
        <h2>Most discussed</h2>
        {discussed.length === 0 ? (
          <div className="empty">
            <p>There are no articles yet.</p>
            <SamplesButton />
          </div>
        ) : (
          <ol className="listing">
            {discussed.map(article => (
              <li key={article.slug}>
                <Link href={`/articles/${article.slug}`}>{article.title}</Link>
                <span className="muted">
                  {article.authorName} · {article.totalComments} {article.totalComments === 1 ? 'comment' : 'comments'}
                </span>
              </li>
            ))}
          </ol>
        )}
      </section>
    </>
  );
}
