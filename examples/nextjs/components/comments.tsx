import { Comment } from '../lib/entities';
import { getEm } from '../lib/orm';

/** Reads by itself, and streams into the page when it is ready. Its EntityManager is the page's. */
export async function Comments({ articleId }: { articleId: number }) {
  const em = await getEm();
  const comments = await em.find(Comment, { article: articleId }, { populate: ['author'], orderBy: { id: 'asc' } });
  if (comments.length === 0) return <p className="muted">No comments yet.</p>;
  return (
    <ul className="comments">
      {comments.map(comment => (
        <li className="card" key={comment.id}>
          <p>{comment.text}</p>
          <p className="muted">{comment.author.$.fullName}</p>
        </li>
      ))}
    </ul>
  );
}
