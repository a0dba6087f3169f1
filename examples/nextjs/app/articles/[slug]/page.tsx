import type { Metadata } from 'next';
import { notFound } from 'next/navigation';
import { cache, Suspense } from 'react';
import { Comments } from '../../../components/comments';
import { SubmitButton } from '../../../components/submit-button';
import { Tags } from '../../../components/tags';
import { withBoundary } from '../../../components/with-boundary';
import { Article } from '../../../lib/entities';
import { getEm } from '../../../lib/orm';
import { addTag } from '../../actions';

type Props = { params: Promise<{ slug: string }> };

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const article = await findArticle((await params).slug);
  return { title: article.title, description: article.description };
}

export default withBoundary(ArticlePage);

async function ArticlePage({ params }: Props) {
  const article = await findArticle((await params).slug);
  return (
    <article>
      <h1>{article.title}</h1>
      <p className="lead">{article.description}</p>
      <div className="byline">
        <span className="muted">by {article.author.$.fullName}</span>
        <Tags names={article.tags.$.map(({ name }) => name)} />
        <form className="inline" action={addTag.bind(null, article.slug)}>
          <input name="name" aria-label="New tag" placeholder="New tag" required maxLength={30} pattern=".*\S.*" />
          <SubmitButton>Add tag</SubmitButton>
        </form>
      </div>
      <div className="prose">{article.text.$}</div>
      <section>
        <h2>Comments</h2>
        <Suspense fallback={<p className="muted">Loading comments…</p>}>
          <Comments articleId={article.id} />
        </Suspense>
      </section>
    </article>
  );
}

/** Asked for by the page and by its metadata, and read once. */
const findArticle = cache(async (slug: string) => {
  const em = await getEm();
  const article = await em.findOne(
    Article,
    { slug },
    { populate: ['author', 'tags', 'text'], orderBy: { tags: { name: 'asc' } } },
  );
  return article ?? notFound();
});
