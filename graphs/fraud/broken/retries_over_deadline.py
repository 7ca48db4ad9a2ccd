"""Must fail with E0330: four attempts of 0.25 s each are a second, and the answer is due after half of one."""

from pydantic import BaseModel

import dagc


class Profile(BaseModel):
    age_days: int = 0


profiles = dagc.sql("PROFILES_DATABASE_URL", default="sqlite://")


@dagc.step(timeout_s=0.25, retries=3, fallback=Profile)
async def profile(user_id: str, *, db: dagc.Sql = profiles) -> Profile:
    query = "SELECT age_days FROM profiles WHERE user_id = :user_id"
    return await db.one_or_none(query, Profile, user_id=user_id) or Profile()


@dagc.graph(version="1.0.0", deadline_s=0.5)
def known_for(user_id: str) -> Profile:
    """What is known of a customer."""
    return profile(user_id)
