import type { Metadata } from 'next';
import Link from 'next/link';
import { SamplesButton } from '../../components/samples-button';
import { Tags } from '../../components/tags';
import { withBoundary } from '../../components/with-boundary';
import { Article } from '../../lib/entities';
import { articleFilter } from '../../lib/input';
import { getEm } from '../../lib/orm';

type Props = { searchParams: Promise<Record<string, string | string[] | undefined>> };

export async function generateMetadata({ searchParams }: Props): Promise<Metadata> {
  const tag = await selectedTag(searchParams);
  return { title: tag ? `Articles about ${tag}` : 'Articles' };
}

export default withBoundary(ArticlesPage);

async function ArticlesPage({ searchParams }: Props) {
  const tag = await selectedTag(searchParams);
  const em = await getEm();
  const articles = await em.getRepository(Article).newest({ tag });
  return (
    <>
      <h1>{tag ? `Articles about ${tag}` : 'Articles'}</h1>
      {tag && (
        <p>
          <Link href="/articles">All articles</Link>
        </p>
      )}
      {articles.length === 0 && (
        <div className="card empty">
          <p>There are no articles{tag && ` about ${tag}`} yet.</p>
          {!tag && <SamplesButton />}
        </div>
      )}
      {articles.map(article => (
        <article className="card" key={article.id}>
          <h2>
            <Link href={`/articles/${article.slug}`}>{article.title}</Link>
          </h2>
          <p>{article.description}</p>
          <footer>
            <span className="muted">{article.author.$.fullName}</span>
            <Tags names={article.tags.$.map(({ name }) => name)} />
          </footer>
        </article>
      ))}
    </>
  );
}

async function selectedTag(searchParams: Props['searchParams']): Promise<string | undefined> {
  return articleFilter.safeParse(await searchParams).data?.tag;
}
