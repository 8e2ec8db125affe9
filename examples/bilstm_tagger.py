"""Tagging sequences: words as bags of letters (EmbeddingBag with sparse gradients), then a BiLSTM.

The table of letters is trained by SparseAdam, everything else by Adam. A word's tag depends on its
ending and on the word before it.
"""

import torch
import torch.nn as nn

LETTERS = "abcdefghijklmnopqrstuvwxyz"
TAGS = 3
WORDS, LENGTH = 6, 5  # words in a sentence, letters in a word


class BiLSTMTagger(nn.Module):
    def __init__(self, letters: int, embedding_dim: int, hidden_dim: int, tags: int) -> None:
        super().__init__()
        self.embedding = nn.EmbeddingBag(letters, embedding_dim, mode="sum", sparse=True)
        self.bilstm = nn.LSTM(embedding_dim, hidden_dim, bidirectional=True, batch_first=True)
        self.hidden2tag = nn.Linear(2 * hidden_dim, tags)

    def forward(self, text: torch.Tensor) -> torch.Tensor:
        batch = text.shape[0]  # text: (batch, words, letters)
        embedded = self.embedding(text.view(-1, LENGTH)).view(batch, WORDS, -1)
        out, _ = self.bilstm(embedded)
        return self.hidden2tag(out)  # (batch, words, tags)


def sentences(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    text = torch.randint(0, len(LETTERS), (count, WORDS, LENGTH))
    vowels = (text.unsqueeze(-1) == torch.tensor([0, 4, 8, 14, 20])).any(-1).any(-1).long()  # words with one
    before = torch.cat([torch.zeros(count, 1, dtype=torch.long), vowels[:, :-1]], dim=1)
    return text, vowels + before


torch.manual_seed(0)
model = BiLSTMTagger(len(LETTERS), 16, 16, TAGS)
dense = [p for name, p in model.named_parameters() if not name.startswith("embedding")]
optimizers = [torch.optim.SparseAdam(model.embedding.parameters(), lr=0.02), torch.optim.Adam(dense, lr=0.01)]
criterion = nn.CrossEntropyLoss()

for step in range(150):
    text, tags = sentences(64)
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss = criterion(model(text).flatten(0, 1), tags.flatten())
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()
    if step % 50 == 0:
        print(f"Step {step}: loss {loss.item():.3f}")

grad = model.embedding.weight.grad
print(grad.layout, tuple(grad.shape), grad.coalesce().values().shape[0], "letters moved")
text, tags = sentences(256)
with torch.no_grad():
    accuracy = (model(text).argmax(-1) == tags).float().mean().item()
print(f"Accuracy: {100 * accuracy:.1f}%")
