"""Must fail with E0362: the password of the default would stand in the repository, in the artifacts and in the image."""

from pydantic import BaseModel

import dagc


class Profile(BaseModel):
    age_days: int = 0


profiles = dagc.sql("PROFILES_DATABASE_URL", default="postgresql://shop:hunter2@db.internal/profiles")


@dagc.step(timeout_s=0.25, retries=1, fallback=Profile)
async def profile(user_id: str, *, db: dagc.Sql = profiles) -> Profile:
    query = "SELECT age_days FROM profiles WHERE user_id = :user_id"
    return await db.one_or_none(query, Profile, user_id=user_id) or Profile()


@dagc.graph(version="1.0.0", deadline_s=1.0)
def known_for(user_id: str) -> Profile:
    """What is known of a customer."""
    return profile(user_id)
