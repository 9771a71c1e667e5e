"""The topics: everything but what is fetched of a letter."""

import pytest

from tests.differential.conversation import Conversation
from tests.differential.topics import TOPICS


@pytest.mark.parametrize("topic", TOPICS, ids=[topic.name for topic in TOPICS])
def test_topic(pair, topic):
    conversation = Conversation(pair, topic)
    conversation.run()
    conversation.comparison.check()


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if topic.needs], ids=lambda topic: topic.name)
def test_what_a_topic_needs_is_offered_by_both(pair, topic):
    for offered in pair.capabilities(topic.user):
        assert set(topic.needs) <= offered
